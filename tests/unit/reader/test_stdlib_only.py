"""``import promptrelease`` needs the standard library and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import promptrelease

SOURCE_ROOT = Path(promptrelease.__file__).parents[1]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import promptrelease
top = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(top - set(sys.stdlib_module_names)))
"""


def test_it_imports_without_site_packages() -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(SOURCE_ROOT)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["promptrelease"]


def test_public_names_are_the_readers() -> None:
    assert {*promptrelease.reader.__all__, "__version__"} == set(promptrelease.__all__)
    assert all(hasattr(promptrelease.reader, name) for name in promptrelease.reader.__all__)
