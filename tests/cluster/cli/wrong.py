"""Manifests that the API server refuses, each for one reason, and some that it takes.

What ``lint`` finds in them and what a real API server says of them is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.api import Json, approval, policy, release, suite, version

_DIGEST = f"sha256:{0:064}"
_BASE = {"release": "a", "label": "production"}


@dataclass(frozen=True)
class Wrong:
    """A manifest that is wrong.

    Attributes:
        words: what is said of it, by ``lint`` and by the API server.
        rule: how the message of the CEL rule begins that it breaks; empty where it is none.
        server: what the API server says instead, where its own words differ.

    """

    name: str
    manifest: Json
    words: str
    rule: str = ""
    server: str = ""


def _cel(name: str, manifest: Json, rule: str) -> Wrong:
    return Wrong(name, manifest, rule, rule)


def _version(**spec: Any) -> Json:
    return version("a", 1, **spec)


def _approval(**spec: Any) -> Json:
    return approval("a-1", {"version": 1, "digest": _DIGEST}, "me", **{**_BASE, **spec})


def _named(obj: Json, name: str) -> Json:
    return {**obj, "metadata": {"name": name}}


def _frozen(start: str, end: str) -> Json:
    return policy("p", freeze=[{"start": start, "end": end, "reason": "feast"}])


_TIMES = ("2026-12-23T00:00:00Z", "2026-12-27T00:00:00Z")
_TOOL = {"name": "look_up"}

RIGHT: tuple[Json, ...] = (
    _version(),
    version(
        "chat",
        2,
        text=None,
        messages=[{"role": "system", "content": "Hi {{who}}"}, {"placeholder": "history"}],
        variables={"who": {"type": "string", "default": "you"}},
        tools=[{"name": "look_up", "parameters": {"type": "object"}}],
        output={"type": "object"},
        consumes=["other"],
    ),
    release("a", production=(1, "good"), staging=(1, "try")),
    _frozen(*_TIMES),
    _frozen("2026-12-23T00:00:00+01:00", "2026-12-22T23:30:00Z"),
    _approval(),
    _approval(decision="deny", comment="too cold"),
    _approval(expiresAt="2030-01-01T00:00:00Z"),
    suite("s", "a", accept=False),
)

WRONG: tuple[Wrong, ...] = (
    _cel("neither-text-nor-messages", _version(text=None), "exactly one of text and messages"),
    Wrong(
        "name-of-a-version",
        _named(_version(), "a-v2"),
        "must be <prompt>-v<version>",
        "the name must be <prompt>-v<version>",
    ),
    Wrong(
        "template",
        _version(text="{{ not closed"),
        "is not closed by '}}'",
        "every {{ must begin a variable like {{name}}",
        "every {{ must begin a variable like {{name}}",
    ),
    _cel("nul", _version(text="a\0b"), "a NUL character can't be part of a prompt"),
    Wrong(
        "message-of-two-kinds",
        _version(text=None, messages=[{"role": "user", "content": "a", "placeholder": "b"}]),
        "a message has either role and content, or a placeholder alone",
        "a message has either role and content, or a placeholder alone",
    ),
    _cel(
        "placeholder-twice",
        _version(text=None, messages=[{"placeholder": "a"}, {"placeholder": "a"}]),
        "a placeholder's name can be used once only",
    ),
    _cel(
        "placeholder-is-no-identifier",
        _version(text=None, messages=[{"placeholder": "a-b"}]),
        "a placeholder is an identifier",
    ),
    _cel("variable", _version(variables={"a-b": {}}), "a variable's name is an identifier"),
    _cel("tool", _version(tools=[{"name": "look up"}]), "a tool's name holds letters"),
    _cel(
        "include",
        _version(includes={"1a": {"prompt": "b", "version": 1}}),
        "an include's name holds letters",
    ),
    _cel("blank-message", _version(message=" \n"), "say why this version exists"),
    _cel("consumes-itself", _version(consumes=["a"]), "a prompt can't consume its own output"),
    Wrong("tool-twice", _version(tools=[_TOOL, _TOOL]), "is there twice", server="Duplicate value"),
    Wrong(
        "consumes-twice", _version(consumes=["b", "b"]), "is there twice", server="Duplicate value"
    ),
    Wrong("unknown-field", _version(texts="a"), "there is no such field", server="unknown field"),
    Wrong("no-model", _version(model=None), "is required", server="spec.model: Required value"),
    Wrong("number", version("a", 0), "greater than or equal to 1", server="greater than or equal"),
    Wrong(
        "text-for-a-number",
        _version(version="1"),
        "should be a valid integer",
        server="must be of type integer",
    ),
    Wrong(
        "too-many-parameters",
        _version(
            model={"provider": "p", "name": "m", "parameters": {f"k{i}": i for i in range(65)}}
        ),
        "at most 64",
        server="must have at most 64 items",
    ),
    _cel("latest", release("a", latest=(1, "new")), "latest can't be set"),
    _cel("label", release("a", Prod=(1, "new")), "a label's name holds lower-case letters"),
    _cel("blank-reason", release("a", production=(1, " ")), "say why this label moves"),
    _cel("dotted-release", release("a.b", production=(1, "x")), "a release has its prompt's name"),
    _cel("freeze", _frozen(*reversed(_TIMES)), "a freeze ends after it starts"),
    Wrong(
        "freeze-by-day",
        _frozen("2026-12-23", _TIMES[1]),
        "is not an RFC 3339 time",
        server="must be of type date-time",
    ),
    _cel("policy-for-latest", policy("p", labels=["latest"]), "latest follows the highest version"),
    Wrong(
        "policy-names-twice",
        policy("p", labels=["a", "a"]),
        "is there twice",
        server="Duplicate value",
    ),
    _cel("denial", _approval(decision="deny"), "say why: a denial needs a comment"),
    Wrong(
        "digest",
        _approval(digest="sha256:1"),
        "should match pattern",
        server="should match '^sha256",
    ),
    Wrong(
        "expiry",
        _approval(expiresAt="tomorrow"),
        "is not an RFC 3339 time",
        server="must be of type date-time",
    ),
    _cel(
        "suite-on-latest",
        suite("s", "a", accept=False, evaluateOn=["latest"]),
        "name labels that people move, not latest",
    ),
    _cel("long-suite", suite("s" * 41, "a", accept=False), "the name has at most 40 characters"),
    _cel("dotted-suite", suite("a.b", "a", accept=False), "the name holds lower-case letters"),
    Wrong(
        "name",
        _named(policy("p"), "P_1"),
        "is no name",
        server="a lowercase RFC 1123 subdomain must consist of",
    ),
)
