"""What an installation of the console is told."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

SECRET_CHARACTERS = 32


class SettingsMistake(Exception):
    """A setting is missing or makes no sense; the text says which, and what to do."""


@dataclass(frozen=True)
class Settings:
    """Settings of the console.

    Attributes:
        server: the API server's URL.
        secret: what cookies are sealed with, 32 characters and more; the same for every replica.
            Of several, each on a line, the first seals and all open.
        url: address under which people reach the console, without a slash at its end.
        ca_file: PEM file of the authority that signed its certificate; empty for the system's.
        ca_data: the same as PEM text.
        namespace: where somebody comes who names none.
        hosts: more Host headers that are answered than that of ``url``.
        secure: whether cookies go over TLS alone.
        issuer, client_id, client_secret: of the OpenID provider; empty for sign-in by token.
        issuer_ca_file: PEM file of who signed the provider's certificate.
        scopes: what the provider is asked for; empty for what it offers of the usual ones.
        tokens: whether people may sign in with a token of the cluster.
        links: whether sealed links sign in; for demos.
        impersonate: act as people by the console's own token instead of with theirs.
        own_token_file: the console's own token; it is read again as it changes.
        username_claim, username_prefix, groups_claim, groups_prefix: how people are named who are
            impersonated; as kube-apiserver's flags of these names.
        session_seconds: how long somebody stays signed in at most.
        requests_per_minute: of one person, or one address that nobody has signed in from; 0 for
            any number.
        sign_ins_per_minute: attempts from one address; 0 for any number.
        body_bytes: of a request at most.
        answer_seconds: until an answer begins.
        access_log: whether each request is logged.
        probes: whether ``/healthz``, ``/readyz`` and ``/metrics`` are answered beside the pages.

    """

    server: str
    secret: str
    url: str
    ca_file: str = ""
    ca_data: str = ""
    namespace: str = "default"
    hosts: tuple[str, ...] = ()
    secure: bool = True
    issuer: str = ""
    issuer_ca_file: str = ""
    client_id: str = ""
    client_secret: str = ""
    scopes: str = ""
    tokens: bool = True
    links: bool = False
    impersonate: bool = False
    own_token_file: str = ""
    username_claim: str = "sub"
    username_prefix: str = ""
    groups_claim: str = "groups"
    groups_prefix: str = ""
    session_seconds: float = 8 * 3600
    requests_per_minute: int = 600
    sign_ins_per_minute: int = 20
    body_bytes: int = 2 * 1024 * 1024
    answer_seconds: float = 60
    access_log: bool = True
    probes: bool = True

    @property
    def origin(self) -> str:
        """Scheme, host and port of the console, as browsers write them."""
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}".lower()

    def answers_to(self, host: str) -> bool:
        """Whether a Host header is one of ours."""
        return host.lower() in {urlsplit(self.url).netloc.lower(), *map(str.lower, self.hosts)}

    def check(self) -> None:
        """Raise SettingsMistake for the first mistake there is."""
        for mistake in filter(None, (*self._addresses(), *self._people(), *self._numbers())):
            raise SettingsMistake(mistake)

    def _addresses(self) -> tuple[str, ...]:
        url, issuer = urlsplit(self.url), urlsplit(self.issuer)
        rooted = url.scheme in ("http", "https") and url.netloc and not (url.path or url.query)
        return (
            ""
            if rooted and not url.username
            else f"--url: {self.url!r} is no address like https://prompts.example.org: "
            "scheme, host and perhaps port, and nothing after it",
            ""
            if urlsplit(self.server).scheme == "https"
            else f"--server: {self.server!r} does not begin with https://",
            ""
            if not self.issuer or (issuer.scheme == "https" and issuer.netloc)
            else f"--issuer: {self.issuer!r} does not begin with https://",
        )

    def _people(self) -> tuple[str, ...]:
        short = [s for s in self.secret.splitlines() or [""] if len(s) < SECRET_CHARACTERS]
        return (
            f"the secret has less than {SECRET_CHARACTERS} characters: give a random one in "
            "--secret-file or PROMPTRELEASE_CONSOLE_SECRET, the same to each replica"
            if short
            else "",
            "--issuer and --client-id are needed together"
            if bool(self.issuer) != bool(self.client_id)
            else "",
            "nobody could sign in: give --issuer and --client-id, or --token-sign-in"
            if not (self.issuer or self.tokens)
            else "",
            "--impersonate is for people whom a provider names: it needs --issuer"
            if self.impersonate and not self.issuer
            else "",
            "--impersonate needs the console's own token: give --own-token-file"
            if self.impersonate and not self.own_token_file
            else "",
        )

    def _numbers(self) -> tuple[str, ...]:
        return (
            "--session-hours: more than none" if self.session_seconds <= 0 else "",
            "--body-limit: at least 1024 bytes" if self.body_bytes < 1024 else "",
            "--answer-seconds: more than none" if self.answer_seconds <= 0 else "",
            "--requests-per-minute: not below 0" if self.requests_per_minute < 0 else "",
            "--sign-ins-per-minute: not below 0" if self.sign_ins_per_minute < 0 else "",
        )
