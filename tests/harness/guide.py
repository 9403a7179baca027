"""docs/install.md as it is read: its commands run in a shell, in a checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from harness import helm
from harness.controlplane import ControlPlane
from harness.installation import ROOT

SHELL_SECONDS = 300.0
# There is no node: no image is built, and no pod will ever run.
NOT_HERE = re.compile(r"^(docker|kubectl .* rollout status) .*\n", re.MULTILINE)
_HEADING_OR_BLOCK = re.compile(r"^#+ (?:\d+\. )?([^\n]+)$|^```(sh|yaml)\n(.*?)^```$", re.M | re.S)


class Guide:
    """The guide, for one control plane; ``folder`` becomes the checkout that it speaks of."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self.checkout = folder / "checkout"
        for name in ("manifests", "crds", "charts"):
            shutil.copytree(ROOT / name, self.checkout / name)
        self._bin = folder / "bin"
        self._bin.mkdir()
        (self._bin / "helm").symlink_to(helm.find())
        self._blocks: dict[tuple[str, str], list[str]] = {}
        heading = ""
        for found in _HEADING_OR_BLOCK.finditer((ROOT / "docs" / "install.md").read_text()):
            heading = found[1] or heading
            if found[2]:
                self._blocks.setdefault((heading, found[2]), []).append(found[3])

    def run(self, heading: str, number: int = 0) -> str:
        """Run a block of commands below a heading, and return what they write.

        Raises AssertionError when one of them fails.
        """
        return self.sh(NOT_HERE.sub("", self._blocks[heading, "sh"][number]))

    def manifest(self, heading: str, number: int = 0) -> str:
        """Return a block of YAML below a heading."""
        return self._blocks[heading, "yaml"][number]

    def sh(self, commands: str) -> str:
        """Run commands, until one fails. Raises AssertionError then."""
        environment = {**os.environ, **self._plane.environment()}
        home = self._plane.folder / "helm"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.checkout,
            env={
                **environment,
                **helm.folders(home),
                "PATH": f"{self._bin}:{environment['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=SHELL_SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
