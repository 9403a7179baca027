"""What is kept of a namespace: releases as text, versions without their bodies."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from promptrelease.api.resources import RELEASES
from promptrelease.console.kube.client import Json
from promptrelease.release import wire

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """A PromptVersion without its body.

    Attributes:
        by: who wrote it, where that is known.
        created: RFC 3339.
        digest: of its content; empty as long as it has none.
        provider, model: what it is written for.
        valid: none as long as the operator has not looked.
        problem: what is wrong with it.

    """

    number: int
    message: str
    by: str
    created: str
    digest: str
    provider: str
    model: str
    consumes: tuple[str, ...]
    valid: bool | None
    problem: str


def summary(obj: Json) -> Summary:
    """What is kept of a PromptVersion."""
    version, spec = wire.version(obj), obj["spec"]
    found, model = version.status.valid, spec.get("model") or {}
    return Summary(
        number=version.number,
        message=spec.get("message", ""),
        by=sys.intern(version.author),
        created=version.created,
        digest=version.status.digest,
        provider=sys.intern(str(model.get("provider", ""))),
        model=sys.intern(str(model.get("name", ""))),
        consumes=version.consumes,
        valid=None if found is None else found.status == "True",
        problem=found.message if found is not None and found.status == "False" else "",
    )


@dataclass
class Releases(Mapping[str, Json]):
    """Releases by name; as objects, and not as text, they would take five times the memory.

    Args:
        tell: called with the name of each that has changed.

    """

    tell: Tell
    _texts: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Json:
        release: Json = json.loads(self._texts[name])
        return release

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def put(self, obj: Json) -> None:
        """Take in a release, without what only field managers want to know."""
        meta = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        if annotations := meta.get("annotations"):
            meta["annotations"] = {
                name: value
                for name, value in annotations.items()
                if not name.startswith("kubectl.kubernetes.io/")
            }
        text = json.dumps(
            {**obj, "kind": RELEASES.singular, "metadata": meta}, separators=(",", ":")
        ).encode()
        if self._texts.get(meta["name"]) != text:
            self._texts[meta["name"]] = text
            self.tell(meta["name"])

    def drop(self, name: str) -> None:
        """Forget a release."""
        if self._texts.pop(name, None) is not None:
            self.tell(name)

    def keep_only(self, names: set[str]) -> None:
        """Forget what a list did not show."""
        for name in [name for name in self._texts if name not in names]:
            self.drop(name)


@dataclass
class Versions(Mapping[str, Mapping[int, Summary]]):
    """Versions by prompt and number.

    Args:
        tell: called with the name of each prompt of which a version has changed.

    """

    tell: Tell
    _known: dict[str, dict[int, Summary]] = field(default_factory=dict)

    def __getitem__(self, prompt: str) -> Mapping[int, Summary]:
        return self._known[prompt]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def put(self, obj: Json) -> None:
        """Take in a version."""
        found = summary(obj)
        prompt = obj["spec"]["prompt"]
        of_prompt = self._known.setdefault(prompt, {})
        if of_prompt.get(found.number) != found:
            of_prompt[found.number] = found
            self.tell(prompt)

    def drop(self, name: str) -> None:
        """Forget a version, by the name that admission holds it to."""
        prompt, _, number = name.rpartition("-v")
        of_prompt = self._known.get(prompt, {})
        if number.isdigit() and of_prompt.pop(int(number), None) is not None:
            if not of_prompt:
                del self._known[prompt]
            self.tell(prompt)

    def keep_only(self, names: set[str]) -> None:
        """Forget what a list did not show."""
        known = [f"{prompt}-v{n}" for prompt, numbers in self._known.items() for n in numbers]
        for name in known:
            if name not in names:
                self.drop(name)
