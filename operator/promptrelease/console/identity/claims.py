"""Who somebody is, by the claims of an ID token; where the console must say so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptrelease.console.settings import Settings
from promptrelease.views.failures import Forbidden

RESERVED = "system:"
"""Names of Kubernetes' own; a provider that gives one away is mistaken, or worse."""

HINT = "whoever runs the console can look at its claims and prefixes"


def shown(claims: Mapping[str, Any]) -> str:
    """How to greet somebody."""
    for claim in ("name", "preferred_username", "email"):
        value = claims.get(claim)
        if isinstance(value, str) and value.strip():
            return value.strip()[:100]
    return ""


def name(settings: Settings, claims: Mapping[str, Any]) -> str:
    """The name to act under. Raises Forbidden, as ``groups``."""
    value = claims.get(settings.username_claim)
    if not isinstance(value, str) or not value:
        raise Forbidden(f"your sign-in has no {settings.username_claim!r} that names you", HINT)
    if settings.username_claim == "email" and claims.get("email_verified", True) is not True:
        raise Forbidden(f"the provider has not verified your address {value!r}", HINT)
    return _sound(settings.username_prefix + value)


def groups(settings: Settings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups to act in; none where there is no such claim."""
    value = claims.get(settings.groups_claim)
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list) or not all(isinstance(it, str) and it for it in listed):
        raise Forbidden(f"{settings.groups_claim!r} of your sign-in is no list of names", HINT)
    return tuple(_sound(settings.groups_prefix + it) for it in listed)


def _sound(given: str) -> str:
    if given.lower().startswith(RESERVED):
        raise Forbidden(f"{given!r} is a name of Kubernetes itself; nobody signs in as it", HINT)
    if given != given.strip() or not given.isprintable():
        raise Forbidden(f"{given!r} can't be sent as a name: blanks around it, or worse", HINT)
    return given
