"""What stands beside a prompt on its labels, kept at hand: a feed's releases are text, and many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, proxy

from promptrelease.console.kube.feed import Feed
from promptrelease.console.kube.known import Summary
from promptrelease.release import graph
from promptrelease.views.move.moving import Json

Places = Mapping[str, tuple[int | None, int | None]]
"""Label to the version that it is set to, and the one that it serves."""


@dataclass
class Around:
    """The labels of all prompts of a namespace.

    Args:
        feed: what is known of the namespace.

    """

    feed: Feed
    _news: set[str] = field(init=False)
    _places: dict[str, Places] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._news = self.feed.follow()

    def places(self) -> Mapping[str, Places]:
        """Prompt to its labels."""
        while self._news:
            name = self._news.pop()
            if name in self.feed.releases:
                self._places[name] = _places(self.feed.releases[name])
            else:
                self._places.pop(name, None)
        return self._places

    def waiting(self, label: str) -> set[str]:
        """Prompts of which a move waits there: what moves together is judged together."""
        return {
            name
            for name, places in self.places().items()
            if label in places and places[label][0] not in (None, places[label][1])
        }

    def connected(self, label: str, starts: Iterable[str]) -> set[str]:
        """These, and what serves the label and feeds any of them or is fed by them."""
        serves: dict[str, Sequence[str]] = {}
        for name, places in self.places().items():
            number = places[label][1] if label in places else None
            if number is not None:
                found = self.feed.versions.get(name, {}).get(number)
                serves[name] = found.consumes if found is not None else ()
        served = graph.build(serves)
        found_all = set(starts)
        here = {name for name in found_all if name in served.consumers}
        return {*found_all, *graph.upstream(served, here), *graph.downstream(served, here)}

    def releases(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Those of them that there are."""
        return [self.feed.releases[name] for name in names if name in self.feed.releases]

    def versions(self, namespace: str, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """PromptVersions without bodies: those that a label serves or shall serve."""
        for name in names:
            numbers = {n for place in self.places().get(name, {}).values() for n in place}
            for number, found in self.feed.versions.get(name, {}).items():
                if number in numbers:
                    yield _version(namespace, name, found)


_known: WeakKeyDictionary[Feed, Around] = WeakKeyDictionary()


def of(feed: Feed) -> Around:
    """What stands around, made once for a feed; it ends with that."""
    if feed not in _known:
        _known[feed] = Around(proxy(feed))
    return _known[feed]


def _places(release: Json) -> Places:
    wanted = release["spec"].get("labels") or {}
    served = (release.get("status") or {}).get("labels") or {}
    return {
        label: (
            (wanted.get(label) or {}).get("version"),
            (served.get(label) or {}).get("version"),
        )
        for label in wanted.keys() | served.keys()
    }


def _version(namespace: str, prompt: str, known: Summary) -> dict[str, Any]:
    name = f"{prompt}-v{known.number}"
    status: dict[str, Any] = {}
    if known.valid and known.digest:
        valid = {"type": "Valid", "status": "True", "reason": "Valid", "message": ""}
        status = {"digest": known.digest, "conditions": [{**valid, "lastTransitionTime": ""}]}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1"},
        "spec": {"prompt": prompt, "version": known.number, "consumes": list(known.consumes)},
        "status": status,
    }
