"""What ``lint`` finds, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from promptrelease.cli.manifests import Manifest, line_of

MISTAKE, WARNING = "mistake", "warning"


@dataclass(frozen=True)
class Finding:
    """Something to mend.

    Attributes:
        level: MISTAKE, which the API server or the operator would refuse; or WARNING.
        line: from 1.

    """

    level: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        word = "warning: " if self.level == WARNING else ""
        return f"{self.file}:{self.line}: {word}{self.message}"

    def annotation(self) -> str:
        """As GitHub Actions reads it, and shows it beside the line."""
        command = "warning" if self.level == WARNING else "error"
        file = _escaped(self.file).replace(":", "%3A").replace(",", "%2C")
        return f"::{command} file={file},line={self.line}::{_escaped(self.message)}"

    def plain(self) -> dict[str, Any]:
        """Plain values for a script."""
        return vars(self).copy()


@dataclass(frozen=True)
class Place:
    """A manifest that can be used, and where it is written."""

    manifest: Manifest
    file: str
    node: yaml.Node

    def at(self, *loc: Any) -> tuple[str, int]:
        """File and line of a field, or of the innermost part of its path that is there."""
        return self.file, line_of(self.node, loc)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
