"""``promptrelease-console``: the program."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from promptrelease.console import kubeconfig
from promptrelease.console.app import create
from promptrelease.console.serving import serve
from promptrelease.console.settings import Settings, SettingsMistake

PREFIX = "PROMPTRELEASE_CONSOLE_"

DESCRIPTION = """Release prompts from a browser. Everything is done as the person who is signed in.
Each option but --port can be given in the environment too, as PROMPTRELEASE_CONSOLE_ and its name:
PROMPTRELEASE_CONSOLE_CLIENT_ID for --client-id. The secret that seals cookies can be given in
PROMPTRELEASE_CONSOLE_SECRET, the provider's in PROMPTRELEASE_CONSOLE_CLIENT_SECRET."""


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line; what the environment says is the default."""
    result = argparse.ArgumentParser(prog="promptrelease-console", description=DESCRIPTION)

    def option(
        group: argparse._ArgumentGroup,
        flag: str,
        help: str,
        default: str | int | float = "",
        metavar: str | None = None,
    ) -> None:
        # A default that is text is converted like what is typed, and so are mistakes in it.
        given = environment.get(_variable(flag)) or default
        if flag == "--port":  # Kubernetes puts the address of a Service of our name there
            given = default
        shown = "" if default in ("", 0) else f" (default: {default})"
        metavar = metavar or flag.rsplit("-", 1)[-1].upper()
        group.add_argument(
            flag, help=help + shown, default=given, type=type(default), metavar=metavar
        )

    def switch(group: argparse._ArgumentGroup, flag: str, help: str, default: bool | None) -> None:
        given = environment.get(_variable(flag), "").lower()
        group.add_argument(
            flag,
            help=help,
            action=argparse.BooleanOptionalAction,
            default=given in ("1", "true", "yes") if given else default,
        )

    cluster = result.add_argument_group("the cluster")
    option(cluster, "--server", "the API server (default: the pod's, else the kubeconfig's)")
    option(cluster, "--ca-file", "who signed its certificate, PEM", metavar="FILE")
    option(cluster, "--kubeconfig", "default: in the pod, else $KUBECONFIG", metavar="FILE")
    option(cluster, "--context", "of the kubeconfig (default: its current one)", metavar="NAME")
    option(cluster, "--namespace", "where people come who name none", metavar="NAME")

    reached = result.add_argument_group("how it is reached")
    option(reached, "--url", "address that people see, as https://prompts.example.org; needed")
    option(reached, "--hosts", "more Host headers to answer, by comma", metavar="HOST,...")
    option(reached, "--host", "address to listen on", "127.0.0.1", metavar="ADDRESS")
    option(reached, "--port", "port to listen on", 8000)
    option(reached, "--health-port", "for /healthz, /readyz and /metrics (0: beside the pages)", 0)
    option(
        reached,
        "--trusted-proxies",
        "addresses or networks, by comma, whose X-Forwarded-For says who asks",
        metavar="IP,...",
    )

    people = result.add_argument_group("who signs in")
    option(people, "--secret-file", "seals cookies; of several lines the first", metavar="FILE")
    option(people, "--issuer", "the OpenID provider's URL")
    option(people, "--issuer-ca-file", "who signed its certificate, PEM", metavar="FILE")
    option(people, "--client-id", "as which the provider knows the console")
    option(people, "--client-secret-file", "none for a public client", metavar="FILE")
    option(people, "--scopes", "what to ask for, by spaces (default: the usual ones it offers)")
    switch(people, "--token-sign-in", "sign in by a token too (default: without an issuer)", None)
    switch(people, "--sign-in-links", "sealed links sign in: for a demo, never else", False)
    option(people, "--session-hours", "until one signs in again, at the latest", 8.0)

    other = result.add_argument_group("where the API server does not take the provider's tokens")
    switch(other, "--impersonate", "act for people by the console's own right to", False)
    option(other, "--own-token-file", "(default: in a pod, the service account's)", metavar="FILE")
    option(other, "--username-claim", "whose value is a person's name", "sub", metavar="CLAIM")
    option(other, "--username-prefix", "put before names, as oidc:", metavar="TEXT")
    option(other, "--groups-claim", "whose values are a person's groups", "groups", "CLAIM")
    option(other, "--groups-prefix", "put before groups", metavar="TEXT")

    limits = result.add_argument_group("limits; 0 for none")
    option(limits, "--requests-per-minute", "of one person", 600, metavar="N")
    option(limits, "--sign-ins-per-minute", "from one address", 20, metavar="N")
    option(limits, "--body-limit", "bytes of a request", 2 * 1024 * 1024, metavar="BYTES")
    option(limits, "--answer-seconds", "until an answer begins", 60.0)

    logs = result.add_argument_group("what it says")
    switch(logs, "--access-log", "a line for each request (default: yes)", True)
    levels = ("debug", "info", "warning", "error")
    logs.add_argument(
        "--log-level", choices=levels, default=environment.get(_variable("--log-level")) or "info"
    )
    return result


def settings(given: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """What the command line and the environment say together. Raises SettingsMistake."""
    if not given.url:
        raise SettingsMistake("--url is needed: where people reach the console")
    place = _place(given, environment)
    own = str(kubeconfig.ACCOUNT / "token") if kubeconfig.in_pod(environment) else ""
    made = Settings(
        server=place.server.rstrip("/"),
        ca_file=place.ca_file,
        ca_data=place.ca_data,
        secret=_secret(given.secret_file, "SECRET", environment),
        url=given.url.rstrip("/"),
        namespace=given.namespace or place.namespace or "default",
        hosts=tuple(filter(None, map(str.strip, given.hosts.split(",")))),
        secure=given.url.startswith("https:"),
        issuer=given.issuer,
        issuer_ca_file=given.issuer_ca_file,
        client_id=given.client_id,
        client_secret=_secret(given.client_secret_file, "CLIENT_SECRET", environment),
        scopes=given.scopes,
        tokens=not given.issuer if given.token_sign_in is None else given.token_sign_in,
        links=given.sign_in_links,
        impersonate=given.impersonate,
        own_token_file=given.own_token_file or own,
        username_claim=given.username_claim,
        username_prefix=given.username_prefix,
        groups_claim=given.groups_claim,
        groups_prefix=given.groups_prefix,
        session_seconds=given.session_hours * 3600,
        requests_per_minute=given.requests_per_minute,
        sign_ins_per_minute=given.sign_ins_per_minute,
        body_bytes=given.body_limit,
        answer_seconds=given.answer_seconds,
        access_log=given.access_log,
        probes=not given.health_port,
    )
    made.check()
    for flag, file in (("--ca-file", made.ca_file), ("--issuer-ca-file", made.issuer_ca_file)):
        if file and not Path(file).is_file():
            raise SettingsMistake(f"{flag}: there is no file {file}")
    return replace(made, own_token_file=made.own_token_file if made.impersonate else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ends with 2 for a mistake in what it was told."""
    command_line = parser(os.environ)
    given = command_line.parse_args(arguments)
    try:
        told = settings(given, os.environ)
        app = create(told)
    except SettingsMistake as mistake:
        command_line.exit(2, f"{command_line.prog}: {mistake}\n")
    logging.basicConfig(
        level=given.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    proxies = [it.strip() for it in given.trusted_proxies.split(",") if it.strip()]
    asyncio.run(serve(app, given.host, given.port, given.health_port, proxies))


def _variable(flag: str) -> str:
    return PREFIX + flag.lstrip("-").upper().replace("-", "_")


def _place(given: argparse.Namespace, environment: Mapping[str, str]) -> kubeconfig.Place:
    if given.server:
        return kubeconfig.Place(given.server, given.ca_file)
    pod = kubeconfig.in_pod(environment)
    if pod and not (given.kubeconfig or given.context):
        found = pod
    else:
        files = given.kubeconfig or environment.get("KUBECONFIG", "").split(os.pathsep)[0]
        found = kubeconfig.read(Path(files or Path.home() / ".kube" / "config"), given.context)
    return replace(found, ca_file=given.ca_file, ca_data="") if given.ca_file else found


def _secret(file: str, variable: str, environment: Mapping[str, str]) -> str:
    if not file:
        return environment.get(PREFIX + variable, "").strip()
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise SettingsMistake(f"can't read {file}: {error.strerror}") from error


if __name__ == "__main__":
    main()
