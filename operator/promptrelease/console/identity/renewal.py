"""A session whose token is about to end goes on with a new one, without the person noticing."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field, replace

from promptrelease.console.identity import claims
from promptrelease.console.identity.person import Person
from promptrelease.console.identity.provider import Provider, Refused, Vouched
from promptrelease.console.identity.sessions import Session
from promptrelease.console.settings import Settings
from promptrelease.views.failures import Unreachable

BEFORE_SECONDS = 60.0
"""How long before its end a token is renewed."""

SHARED_SECONDS = 60.0
"""How long a renewal is remembered, for requests that came at the same time with the old cookie:
many providers take a refresh token once only."""


@dataclass
class Renewals:
    """Renewals of this process."""

    settings: Settings
    provider: Provider | None
    _done: dict[str, tuple[float, asyncio.Task[Vouched]]] = field(default_factory=dict)

    async def fresh(self, session: Session) -> Session:
        """The session, or the same one with a new token.

        Raises Refused when the provider does not vouch for the person any more; Unreachable when it
        does not answer, and the token has ended.
        """
        now = time.time()
        if not session.refresh or now < session.expires - BEFORE_SECONDS or not self.provider:
            return session
        try:
            vouched = await self._shared(self.provider, session)
        except Unreachable:
            if now < session.expires:
                return session
            raise
        return replace(
            session,
            person=person(self.settings, vouched, session.person),
            expires=float(vouched.claims["exp"]),
            refresh=vouched.refresh,
        )

    async def _shared(self, provider: Provider, session: Session) -> Vouched:
        now = time.monotonic()
        self._done = {k: v for k, v in self._done.items() if now - v[0] < SHARED_SECONDS}
        key = hashlib.sha256(session.refresh.encode()).hexdigest()
        if key not in self._done:
            asked = asyncio.create_task(provider.renew(session.refresh, session.subject))
            self._done[key] = (now, asked)
        try:
            # Who gives up must not take the answer from the others.
            return await asyncio.shield(self._done[key][1])
        except Unreachable:
            self._done.pop(key, None)
            raise


def person(settings: Settings, vouched: Vouched, before: Person | None = None) -> Person:
    """Somebody, as the provider tells; ``before`` is who they were, once the API server knew them.

    Raises Forbidden for a name that can't be acted under.
    """
    shown = claims.shown(vouched.claims)
    if not settings.impersonate:
        known = before or Person("")
        return replace(known, shown=shown, token=vouched.id_token)
    name = claims.name(settings, vouched.claims)
    if before and name != before.name:
        raise Refused("you have another name at the sign-in provider now", "sign in again")
    return Person(name, claims.groups(settings, vouched.claims), shown=shown)
