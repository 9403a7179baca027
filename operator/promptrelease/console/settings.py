"""What an installation of the console is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the console.

    Attributes:
        server: the API server's URL.
        ca_file: PEM file of the authority that signed its certificate; empty for the system's.
        secret: what cookies are sealed with, 32 bytes and more; the same for every replica.
        namespace: where somebody comes who names none.
        url: address under which people reach the console, without a slash at its end.
        hosts: Host headers that are answered; empty for that of ``url``.
        secure: whether cookies go over TLS alone.
        issuer, client_id, client_secret: of the OpenID provider; empty for sign-in by token.
        own_token_file: the console's own token, to impersonate people; empty to pass on theirs.

    """

    server: str
    secret: str
    url: str
    ca_file: str = ""
    namespace: str = "default"
    hosts: tuple[str, ...] = ()
    secure: bool = True
    issuer: str = ""
    issuer_ca_file: str = ""
    client_id: str = ""
    client_secret: str = ""
    own_token_file: str = ""
