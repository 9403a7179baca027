"""A real OpenID provider on loopback: oidc-provider, over TLS, with people of our own.

The npm package in `tests/harness/oidc` is installed once into the user's cache folder, under a hash
of all that goes into it. Whoever is asked to trust the provider is given `ca_file`.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TextIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import npm
from harness.components import free_port

PACKAGE = Path(__file__).resolve().parent / "oidc"
END_SECONDS = 10.0

CLIENT = "console"
SECRET = "not-a-secret-of-anybody"
PREFIX = "oidc:"
"""What the API server puts before the names of the provider's people and groups."""


def person(name: str, *groups: str, id_token_seconds: int = 3600, **claims: Any) -> dict[str, Any]:
    """Somebody whom the provider knows; their password is ``NAME-password``."""
    return {
        "password": f"{name}-password",
        "idTokenSeconds": id_token_seconds,
        "claims": {
            "name": name.capitalize(),
            "email": f"{name}@example.org",
            "email_verified": True,
            "groups": list(groups),
            **claims,
        },
    }


BRIEF_SECONDS = 10
"""How long an ID token of the person ``brief`` lives."""

PEOPLE = {
    "alice": person("alice", "authors"),
    "bob": person("bob", "approvers"),
    "carol": person("carol"),
    "brief": person("brief", "authors", id_token_seconds=BRIEF_SECONDS),
    # As of directories that call groups by random numbers.
    "many": person("many", *(secrets.token_hex(16) for _ in range(100))),
    "mallory": person("mallory", "system:masters"),
}


@dataclass(frozen=True)
class OpenIdProvider:
    """A provider that runs.

    Attributes:
        issuer: its URL.
        ca_file: who signed its certificate, PEM.
        folder: its files, as long as it runs.
        pid: its process.

    """

    issuer: str
    ca_file: Path
    folder: Path
    pid: int

    @property
    def api_server_arguments(self) -> Sequence[str]:
        """What makes a kube-apiserver take its ID tokens."""
        return (
            f"--oidc-issuer-url={self.issuer}",
            f"--oidc-client-id={CLIENT}",
            f"--oidc-ca-file={self.ca_file}",
            "--oidc-username-claim=preferred_username",
            f"--oidc-username-prefix={PREFIX}",
            "--oidc-groups-claim=groups",
            f"--oidc-groups-prefix={PREFIX}",
        )

    @property
    def console_arguments(self) -> Sequence[str]:
        """What makes a console send people to it."""
        file = self.folder / "client-secret"
        file.write_text(SECRET)
        return (
            f"--issuer={self.issuer}",
            f"--issuer-ca-file={self.ca_file}",
            f"--client-id={CLIENT}",
            f"--client-secret-file={file}",
        )


@contextmanager
def openid_provider(
    console_urls: Sequence[str],
    *,
    people: Mapping[str, Any] = PEOPLE,
    port: int = 0,
    folder: Path | None = None,
) -> Iterator[OpenIdProvider]:
    """Run a provider until the end of the with block.

    Args:
        console_urls: where consoles are that send people to it.
        people: by name, as ``person`` makes them.
        port: one that is free when none is given.
        folder: where its certificates are; made, and used again when the same is given twice.

    Raises NpmError when it can't be installed.
    """
    code = npm.installed(PACKAGE, "server.mjs").parent
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="promptrelease-oidc-") as temporary:
        folder = folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        if not (folder / "ca.crt").exists():
            _certificates(folder)
        config = {
            "port": port,
            "key": str(folder / "server.key"),
            "cert": str(folder / "server.crt"),
            "people": people,
            "client": {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [f"{url}/sign-in/callback" for url in console_urls],
                "post_logout_redirect_uris": [f"{url}/signed-out" for url in console_urls],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
            },
        }
        file = folder / "config.json"
        file.write_text(json.dumps(config))
        with (folder / "provider.log").open("a+") as log:
            # It ends when our end of the pipe closes, so also when this process is killed.
            process = subprocess.Popen(
                ["node", code / "server.mjs", file],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            try:
                _wait(process, log)
                url, ca_file = f"https://127.0.0.1:{port}", folder / "ca.crt"
                yield OpenIdProvider(url, ca_file, folder, process.pid)
            finally:
                _end(process)


def _wait(process: subprocess.Popen[str], log: TextIO) -> None:
    stdout = process.stdout
    assert stdout is not None
    while line := stdout.readline():
        if line.strip() == "ready":
            return
    log.seek(0)
    raise AssertionError(f"the provider has ended: {log.read()[-4000:]}")


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _certificates(folder: Path) -> None:
    """Write ca.crt, and server.key and server.crt for loopback, which that one signed."""
    authority, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    ca = _certificate("harness", "harness", authority, authority).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    server = _certificate("oidc-provider", "harness", key, authority).add_extension(
        x509.SubjectAlternativeName(names), critical=False
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.sign(authority, hashes.SHA256()).public_bytes(pem))
    (folder / "server.crt").write_bytes(server.sign(authority, hashes.SHA256()).public_bytes(pem))
    private = folder / "server.key"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
