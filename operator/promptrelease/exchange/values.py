"""The neutral form between a source, a target and our manifests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Json = dict[str, Any]
System = Literal["langfuse", "mlflow", "dotprompt", "prompty"]
SYSTEMS: tuple[System, ...] = get_args(System)

Note = Callable[[str, str], None]
"""Takes a field and why it could not be carried over as it was; the version itself stays."""


class ExchangeError(Exception):
    """Nothing could be imported or exported; the message says why and what to do."""


UNREADABLE = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What comes of a source that is not what its format says; it must not keep the others back."""


class LeftOut(Exception):
    """A version, or a label, that can't be carried over without changing what it means.

    Attributes:
        field: what is in the way, as its owner calls it.
        why: in words.

    """

    def __init__(self, field: str, why: str) -> None:
        """Keep both apart, for the report."""
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


@dataclass(frozen=True)
class Version:
    """One version of a prompt.

    Attributes:
        number: from 1.
        content: the fields of a PromptVersion's spec that determine behaviour, and ``consumes``:
            everything but ``prompt``, ``version`` and ``message``.
        message: why it exists; empty when its source does not say.
        author: who made it; empty when its source does not say.
        created: RFC 3339, or empty.
        tags: whatever its source has pinned on it: a list or a map of texts.

    """

    number: int
    content: Json
    message: str = ""
    author: str = ""
    created: str = ""
    tags: Any = None


@dataclass(frozen=True)
class Prompt:
    """A prompt with its versions in ascending order.

    Attributes:
        name: ours once it is settled; before that what the source calls it.
        source_name: what the source calls it.
        labels: label to version number.

    """

    name: str
    versions: tuple[Version, ...]
    labels: Mapping[str, int] = field(default_factory=dict)
    source_name: str = ""

    def version(self, number: int) -> Version | None:
        """The version of that number, or none."""
        return next((v for v in self.versions if v.number == number), None)


@dataclass(frozen=True)
class Options:
    """What an import or an export may be told.

    Attributes:
        location: where the other side is: the URL of Langfuse, the registry URI of MLflow, a folder
            or a file. Empty: what the client's own environment variables say.
        provider: provider of models for which the source names none.
        model: model for versions that name none.
        names: the source's name of a prompt to ours, where the derived one won't do.
        select: patterns as in file names, of the source's names; none means all.
        move: move labels that point elsewhere by now; else they are reported and stay.

    """

    location: str = ""
    provider: str = ""
    model: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    move: bool = False

    def selects(self, name: str) -> bool:
        """Whether a prompt of that name is wanted."""
        return not self.select or any(fnmatchcase(name, pattern) for pattern in self.select)


def to_extras(version: Version, *, number: int | None = None, variables: bool = True) -> Json:
    """What a target has no place for, to be put beside the rest and found again by `with_extras`.

    Args:
        version: what is exported.
        number: the number that the target gives it.
        variables: whether the target has no place for types, defaults and descriptions.

    """
    found: Json = {
        "author": version.author,
        "created": version.created,
        "consumes": version.content.get("consumes"),
        "version": version.number if number not in (None, version.number) else None,
    }
    if variables:
        declared: Json = version.content.get("variables") or {}
        found["variables"] = {
            n: v for n, v in declared.items() if v not in ({}, {"type": "string"})
        }
    return {name: value for name, value in found.items() if value}


def with_extras(version: Version, extras: Any) -> Version:
    """Put what `to_extras` has kept back into its place."""
    if not isinstance(extras, dict):
        return version
    content = dict(version.content)
    if extras.get("consumes"):
        content["consumes"] = extras["consumes"]
    declared = extras.get("variables") or {}
    if "variables" in content:
        content["variables"] = {n: declared.get(n, v) for n, v in content["variables"].items()}
    kept = extras.get("version")
    return Version(
        number=kept if type(kept) is int else version.number,
        content=content,
        message=version.message or str(extras.get("message") or ""),
        author=version.author if not extras.get("author") else str(extras["author"]),
        created=version.created if not extras.get("created") else str(extras["created"]),
        tags=version.tags,
    )
