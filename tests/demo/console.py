"""The console over the demo's prompts: an author, an approver, and one move that waits for both."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from demo.cluster import NAMESPACE, PATIENCE, ROOT, Cluster, DemoError
from demo.story import EXAMPLES, PRODUCTION, is_version
from demo.terminal import good, output, step
from harness.components import free_port
from harness.controlplane import ControlPlane
from promptrelease.console.identity.links import link

LOG = ROOT / ".demo" / "console.log"
AUTHOR, APPROVER = "alice", "bob"
ROLES = {AUTHOR: ("author", "promoter"), APPROVER: ("viewer", "approver", "on-call")}
PROMPT = "ticket-summary"
POLICY = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptPolicy
metadata: {name: production}
spec:
  labels: [production]
  require:
    approvals: {count: 1, notBy: [mover, author]}
"""


def prepare(cluster: Cluster) -> None:
    """Prompts in production, people with rights, and one move that waits for an approval.

    Raises:
        DemoError: something did not come about as it should.
    """
    with step("Prompts for support tickets, in production"):
        for name in EXAMPLES:
            cluster.kubectl("apply", "-f", f"manifests/examples/{name}.yaml")
        cluster.until(PRODUCTION, is_version(2))
        cluster.kubectl("wait", "prel", "--all", "--for=condition=Ready", "--timeout=30s")
    with step(
        f"{AUTHOR} writes and promotes, {APPROVER} approves; the API server knows who is who"
    ):
        people(cluster)
        _until_named(cluster)
        for number, reason in ((1, "Compare with the first one"), (2, "The first lost urgencies")):
            cluster.kubectl(*_move(number, reason))
            cluster.until(PRODUCTION, is_version(number))
        output(cluster.kubectl("apply", "-f", "-", stdin=POLICY))
    with step(f"{AUTHOR} wants version 3 in production, and production waits"):
        output(cluster.kubectl(*_move(3, "Two sentences kept everything in 48 of 48 tickets")))
        cluster.kubectl("wait", f"prel/{PROMPT}", "--for=condition=Ready=false", "--timeout=30s")
        waits = "{.status.labels.production.pending.waitingFor}"
        output(cluster.kubectl("get", "prel", PROMPT, "--output", f"jsonpath={waits}"))


def people(cluster: Cluster) -> None:
    """Give the two their roles, and let admission fill in who did what."""
    for folder in ("roles", "admission", "admission/stamp"):
        cluster.kubectl("apply", "--server-side", "-k", f"manifests/{folder}")
    for user, roles in ROLES.items():
        for role in roles:
            name = f"promptrelease-{role}"
            cluster.kubectl(
                *("create", "rolebinding", f"{user}-{role}"),
                *(f"--clusterrole={name}", f"--user={user}"),
            )


@contextmanager
def running(plane: ControlPlane) -> Iterator[dict[str, str]]:
    """Run the console; yields a link for each person, which signs in as them."""
    port, secret = free_port(), secrets.token_hex(32)
    url = f"http://127.0.0.1:{port}"
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as written:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "promptrelease.console.main", "--sign-in-links"),
                *("--server", plane.url, "--ca-file", str(plane.ca_file)),
                *("--url", url, "--port", str(port), "--namespace", NAMESPACE),
            ],
            env={**plane.environment(), "PROMPTRELEASE_CONSOLE_SECRET": secret},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _until_ready(process, url)
        yield {user: link(url, secret, plane.token(user)) for user in (AUTHOR, APPROVER)}
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def tell(links: dict[str, str]) -> None:
    """Print the links."""
    url = next(iter(links.values())).partition("/sign-in")[0]
    print(f"\nThe console is at {url}\n")
    for user, address in links.items():
        print(f"  as {user} ({' and '.join(ROLES[user])}):\n  {address}\n")
    good("open both in two browsers, or one of them in a private window")


def _move(number: int, reason: str, *more: str) -> list[str]:
    wish = {"version": number, "reason": reason}
    patch = json.dumps({"spec": {"labels": {"production": wish}}})
    return ["patch", "prel", PROMPT, "--type=merge", "--patch", patch, f"--as={AUTHOR}", *more]


def _until_named(cluster: Cluster) -> None:
    """Policies take a moment until the API server heeds them."""
    by = "--output=jsonpath={.spec.labels.production.by}"
    deadline = time.monotonic() + PATIENCE
    while True:
        told = cluster.kubectl(*_move(3, "try", "--dry-run=server", by), show=False, check=False)
        if told == AUTHOR:
            return
        if time.monotonic() > deadline:
            raise DemoError(f"admission does not fill in who moves: {told}")
        time.sleep(0.2)


def _until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the console ended:\n{LOG.read_text()}")
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{url}/readyz", timeout=1)
            return
        time.sleep(0.05)
    raise DemoError(f"the console is not ready:\n{LOG.read_text()}")
