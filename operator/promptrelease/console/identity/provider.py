"""The OpenID provider: where it is, whom it vouches for.

Authlib forms the requests and judges the claims, joserfc the signatures; httpx sends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from promptrelease.console.settings import Settings
from promptrelease.views.failures import Forbidden, Unreachable

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
ALGORITHMS_NEW = ("EdDSA", "Ed25519")
USUAL_SCOPES = ("openid", "profile", "email", "groups", "offline_access")
KNOWN_SECONDS = 3600.0
KEYS_SECONDS = 30.0
"""Keys are asked for again no sooner than so, whatever key a token names."""

LEEWAY_SECONDS = 60


class Refused(Forbidden):
    """The provider does not vouch for somebody, or not any more."""


@dataclass(frozen=True)
class Vouched:
    """What the provider says of somebody.

    Attributes:
        claims: of the ID token, verified.
        refresh: what a next one is given for; empty where the provider gives none.

    """

    id_token: str
    claims: Mapping[str, Any]
    refresh: str


@dataclass
class Provider:
    """The provider of the settings. Each call raises Unreachable when it does not answer."""

    settings: Settings
    http: httpx.AsyncClient
    _metadata: dict[str, Any] = field(default_factory=dict)
    _metadata_at: float = 0.0
    _keys: KeySet | None = None
    _keys_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def shown(self) -> str:
        """How people know it."""
        return urlsplit(self.settings.issuer).netloc

    @property
    def returns_to(self) -> str:
        """Where it sends people back to; it must have been told so."""
        return f"{self.settings.url}/sign-in/callback"

    async def metadata(self) -> Mapping[str, Any]:
        """What it says of itself, by OpenID Connect Discovery; remembered for an hour."""
        async with self._lock:
            if not self._metadata or time.monotonic() - self._metadata_at > KNOWN_SECONDS:
                base = self.settings.issuer.rstrip("/")
                found = await self._get(f"{base}/.well-known/openid-configuration")
                self._metadata, self._metadata_at = self._sound(found), time.monotonic()
            return self._metadata

    async def asks(self, state: str, nonce: str, verifier: str) -> str:
        """Address at which it asks people who they are."""
        metadata = await self.metadata()
        url: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self.settings.client_id,
            response_type="code",
            redirect_uri=self.returns_to,
            scope=self._scopes(metadata),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def exchange(self, code: str, verifier: str, nonce: str) -> Vouched:
        """Who came back with this code. Raises Refused."""
        answer = await self._token(
            "authorization_code",
            code=code,
            redirect_uri=self.returns_to,
            code_verifier=verifier,
        )
        return await self._vouched(answer, nonce)

    async def renew(self, refresh: str, subject: str) -> Vouched:
        """The same person, afresh. Raises Refused when they are not vouched for any more."""
        answer = await self._token("refresh_token", refresh_token=refresh)
        vouched = await self._vouched({"refresh_token": refresh, **answer}, "")
        if vouched.claims["sub"] != subject:
            raise Refused("the sign-in provider answered for somebody else", "sign in again")
        return vouched

    async def leaves_by(self, id_token: str) -> str:
        """Address at which people leave it too, and come back; empty where it has none."""
        endpoint = (await self.metadata()).get("end_session_endpoint")
        if not endpoint:
            return ""
        query = {
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": f"{self.settings.url}/signed-out",
        }
        if id_token:
            query["id_token_hint"] = id_token
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def _sound(self, metadata: dict[str, Any]) -> dict[str, Any]:
        if metadata.get("issuer") != self.settings.issuer:
            raise Unreachable(
                f"the sign-in provider calls itself {metadata.get('issuer')!r}, "
                f"and the console was told {self.settings.issuer!r}",
                "whoever runs the console can correct --issuer",
            )
        for key in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if urlsplit(str(metadata.get(key, ""))).scheme != "https":
                raise Unreachable(
                    f"the sign-in provider has no {key} with https://",
                    "whoever runs the provider can mend that",
                )
        return metadata

    def _scopes(self, metadata: Mapping[str, Any]) -> str:
        offered = metadata.get("scopes_supported") or USUAL_SCOPES[:3]
        usual = " ".join(it for it in USUAL_SCOPES if it in offered or it == "openid")
        return self.settings.scopes or usual

    async def _token(self, grant: str, **parameters: str) -> dict[str, Any]:
        settings = self.settings
        endpoint = (await self.metadata())["token_endpoint"]
        methods = (await self.metadata()).get("token_endpoint_auth_methods_supported") or ()
        method = "client_secret_basic"
        if not settings.client_secret:
            method = "none"
        elif methods and method not in methods and "client_secret_post" in methods:
            method = "client_secret_post"
        auth = ClientAuth(settings.client_id, settings.client_secret, method)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = auth.prepare(
            "POST", endpoint, headers, prepare_token_request(grant, "", **parameters)
        )
        answer = await self._send("POST", url, headers=headers, content=body)
        told = _json(answer)
        if answer.status_code >= 500:
            raise Unreachable("the sign-in provider can't answer now", "try again")
        if answer.status_code >= 400 or "error" in told:
            why = told.get("error_description") or told.get("error") or answer.status_code
            raise Refused(f"the sign-in provider refused: {why}", "sign in again")
        return told

    async def _vouched(self, answer: Mapping[str, Any], nonce: str) -> Vouched:
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise Refused("the sign-in provider gave no ID token", "sign in again")
        try:
            claims = await self._verified(id_token, nonce, str(answer.get("access_token", "")))
        except (JoseError, AuthlibBaseError, ValueError) as error:
            raise Refused(f"the ID token can't be trusted: {error}", "sign in again") from error
        return Vouched(id_token, claims, str(answer.get("refresh_token") or ""))

    async def _verified(self, id_token: str, nonce: str, access_token: str) -> Mapping[str, Any]:
        registry = JWSRegistry(algorithms=[*ALGORITHMS, *ALGORITHMS_NEW], strict_check_header=False)
        try:
            token = jwt.decode(id_token, await self._key_set(), registry=registry)
        except (InvalidKeyIdError, ValueError):
            token = jwt.decode(id_token, await self._key_set(afresh=True), registry=registry)
        wanted = {
            "iss": {"essential": True, "values": [self.settings.issuer]},
            "aud": {"essential": True, "values": [self.settings.client_id]},
        }
        given = {"client_id": self.settings.client_id}
        given |= {"nonce": nonce} if nonce else {}
        given |= {"access_token": access_token} if access_token else {}
        claims = CodeIDToken(token.claims, token.header, wanted, given)
        claims.validate(leeway=LEEWAY_SECONDS)
        return dict(claims)

    async def _key_set(self, *, afresh: bool = False) -> KeySet:
        uri = (await self.metadata())["jwks_uri"]
        async with self._lock:
            age = time.monotonic() - self._keys_at
            if not self._keys or age > KNOWN_SECONDS or (afresh and age > KEYS_SECONDS):
                self._keys = KeySet.import_key_set(await self._get(uri))  # type: ignore[arg-type]
                self._keys_at = time.monotonic()
            return self._keys

    async def _get(self, url: str) -> dict[str, Any]:
        answer = await self._send("GET", url)
        told = _json(answer)
        if answer.status_code != 200 or not told:
            raise Unreachable(
                f"the sign-in provider answered {answer.status_code} at {urlsplit(url).path}",
                "try again; if it stays so, whoever runs the console can look at --issuer",
            )
        return told

    async def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            return await self.http.request(method, url, **request)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"the sign-in provider does not answer: {error or type(error).__name__}",
                "try again in a moment",
            ) from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
