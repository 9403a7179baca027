"""What is installed is what requirements/ names, to the hash; so is the bill of materials."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from tools.audit import report

ROOT = Path(__file__).parents[3]
LOCKS = ROOT / "requirements"
EXTRAS = {"dev.txt": "dev", "image.txt": "operator", "fuzz.txt": "fuzz"}
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; [^\\]+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def locked(name: str) -> dict[str, str]:
    """Package to version. Raises AssertionError where a line is anything but a pin or a hash."""
    found: dict[str, str] = {}
    hashes: dict[str, int] = {}
    package = ""
    for line in (LOCKS / name).read_text().splitlines():
        if pinned := _PINNED.match(line):
            package = canonicalize_name(pinned[1])
            assert found.setdefault(package, pinned[2]) == pinned[2]
            hashes[package] = 0
        else:
            assert _HASH.match(line), f"{name}: {line}"
            hashes[package] += 1
    assert all(hashes.values())
    return found


def wanted(extra: str) -> list[Requirement]:
    """What pyproject.toml asks for in an extra, and in those that it names."""
    tomllib = importlib.import_module("tomllib")  # not in the oldest Python that is checked for
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    result = []
    for text in project["optional-dependencies"][extra]:
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            for other in requirement.extras:
                result += wanted(other)
        else:
            result.append(requirement)
    return result


@pytest.mark.parametrize("name", sorted(file.name for file in LOCKS.glob("*.txt")))
def test_every_line_is_a_version_with_its_hashes_and_no_address(name: str) -> None:
    assert locked(name)


@pytest.mark.parametrize(("name", "extra"), [*EXTRAS.items(), ("image.txt", "console")])
def test_what_is_asked_for_is_locked(name: str, extra: str) -> None:
    found = locked(name)
    for requirement in wanted(extra):
        version = found.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {name}: run make lock"
        assert Version(version) in requirement.specifier, f"{requirement}: run make lock"


@pytest.mark.parametrize("name", ["image.txt", "build.txt", "fuzz.txt"])
def test_what_is_shipped_is_what_was_tested(name: str) -> None:
    tested = locked("dev.txt")
    for package, version in locked(name).items():
        assert tested.get(package, version) == version


def test_the_bill_of_materials_names_what_the_image_holds(tmp_path: Path) -> None:
    target = tmp_path / "sbom.cdx.json"
    tool = Path(sys.executable).parent / "cyclonedx-py"
    options = ["--output-reproducible", "--output-file", str(target)]
    subprocess.run(
        [tool, "requirements", "--pyproject", "pyproject.toml", *options, "requirements/image.txt"],
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    bill: dict[str, Any] = json.loads(target.read_text())
    named = {canonicalize_name(one["name"]): one["version"] for one in bill["components"]}
    assert named == locked("image.txt")
    assert bill["metadata"]["component"]["name"] == "promptrelease"


def test_what_could_not_be_audited_is_not_called_safe(capsys: pytest.CaptureFixture[str]) -> None:
    good: dict[str, object] = {"name": "a", "version": "1", "vulns": []}
    skipped: dict[str, object] = {"name": "b", "skip_reason": "not found"}
    weakness = {"id": "CVE-1", "fix_versions": ["3"]}
    weak: dict[str, object] = {"name": "c", "version": "2", "vulns": [weakness]}
    assert report("x.txt", [good]) == 0
    assert report("x.txt", [good, skipped]) == 2
    assert "1 of 2 packages were NOT audited" in capsys.readouterr().out
    assert report("x.txt", [good, weak]) == 1
    assert "c 2: CVE-1, mended in 3" in capsys.readouterr().out
