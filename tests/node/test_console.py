"""A prompt's whole way in a real browser, on a real node: nobody here opens a terminal.

Chromium, an OpenID provider, an API server that trusts it, a suite that runs as a Job, and a pod
that answers with what it has mounted.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from harness.admission import Admission
from harness.api import Json, policy, wait_for
from harness.browser import chromium
from harness.components import free_port
from harness.console import console
from harness.images import ROOT
from harness.installation import MANIFESTS
from harness.node import Node
from harness.node_fixtures import SYSTEM
from harness.oidc_provider import CLIENT, PREFIX, OpenIdProvider, openid_provider
from harness.person import Person
from harness.pods import PORT, Pods, mounted, pod_spec
from node.evaluation.chain import SUMMARY
from node.evaluation.images import ticket_suite

EXAMPLE = ROOT / "manifests" / "examples" / "evaluation"
SUITE = "summary-suite"
HOST = "prompts.example.com"
SHORTER = """\
Summarize the support ticket below in at most 45 words. No greeting, no advice.
First what happened, with order numbers and error messages as they are written; then how urgent
it is, with the outage, the deadline or the day if there is one; then how the customer feels.

Ticket:
{{ticket}}
"""


@pytest.fixture(scope="module")
def provider(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    """A provider that the node's API server trusts, and whose people have roles."""
    port = free_port()
    folder = tmp_path_factory.mktemp("oidc")
    url = f"http://127.0.0.1:{port}"
    with openid_provider([url], folder=folder) as running:
        (folder / "console").write_text(str(port))
        node.trust(
            {
                "issuer": {
                    "url": running.issuer,
                    "audiences": [CLIENT],
                    "certificateAuthority": running.ca_file.read_text(),
                },
                "claimMappings": {
                    "username": {"claim": "preferred_username", "prefix": PREFIX},
                    "groups": {"claim": "groups", "prefix": PREFIX},
                },
            }
        )
        yield running


@pytest.fixture(scope="module")
def url(node: Node, provider: OpenIdProvider) -> Iterator[str]:
    """The console."""
    port = int((provider.folder / "console").read_text())
    with console(node.control_plane, "default", *provider.console_arguments, port=port) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def governed(pods: Pods) -> Iterator[Pods]:
    """The tickets' summary in production, judged by a suite, approved by people, run by a pod."""
    plane, api = pods.node.control_plane, pods.api
    pods.node.load(ticket_suite())
    plane.kubectl("apply", "-k", MANIFESTS / "roles")
    admission = Admission(plane)
    admission.stamp(True)
    first = list(yaml.safe_load_all((EXAMPLE / "ticket-summary.yaml").read_text()))
    suites = list(yaml.safe_load_all((EXAMPLE / "suites.yaml").read_text()))
    api.apply(next(obj for obj in first if obj["metadata"]["name"] == f"{SUMMARY}-v1"))
    api.apply(
        {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptRelease",
            "metadata": {"name": SUMMARY},
            "spec": {"labels": {"production": {"version": 1, "reason": "The first one"}}},
        }
    )
    api.ready(SUMMARY)
    api.apply(next(obj for obj in suites if obj["metadata"]["name"] == SUITE))
    require = {"evaluations": [SUITE], "approvals": {"count": 1, "notBy": ["mover", "author"]}}
    api.apply(policy("production", labels=["production"], require=require))
    pods.start("desk", pod_spec(mounted(f"{SUMMARY}.production")))
    for person, roles in {
        "alice": ("author", "promoter", "approver"),
        "bob": ("viewer", "approver", "on-call"),
    }.items():
        for role in roles:
            plane.kubectl(
                *("create", "rolebinding", f"{person}-{role}", f"--namespace={pods.namespace}"),
                *(f"--clusterrole=promptrelease-{role}", f"--user={PREFIX}{person}"),
            )
    pods.ready("desk")
    yield pods
    with contextlib.suppress(Exception):
        plane.kubectl("delete", "-k", MANIFESTS / "admission" / "stamp")
        plane.kubectl("delete", "-k", MANIFESTS / "admission")


def answers(pods: Pods) -> Json:
    """What the pod would send to a model now."""
    address = f"http://{pods.address('desk')}:{PORT}/"
    with urllib.request.urlopen(address, timeout=5) as answer:
        told: Json = json.loads(answer.read())
        return told


def test_from_a_thought_to_the_last_pod_and_back(
    governed: Pods, url: str, browser: Browser, tmp_path: Path
) -> None:
    prompt = f"/n/{governed.namespace}/prompts/{SUMMARY}"
    assert answers(governed)["version"] == 1
    alice, bob = (Person(browser, url, name) for name in ("alice", "bob"))
    try:
        # She writes a version: first with a slip, which she is told of as she types.
        alice.sign_in(prompt)
        alice.sees("v1")
        alice.fair()
        alice.click("New version")
        text = alice.page.get_by_role("textbox", name="Text")
        text.fill(SHORTER.replace("{{ticket}}", "{{tikcet"))
        alice.sees("is not closed by")
        alice.fair()
        text.fill(SHORTER)
        alice.page.get_by_label("Why does this version exist?").fill("Agents read three lines")
        alice.press("Create v2")

        # She stages it, and its suite runs.
        alice.sees("v2 of ticket-summary is written")
        alice.fair()
        alice.page.get_by_label("Why does it move?").fill("Try it on yesterday's tickets")
        alice.press("Put v2 live on staging")
        alice.sees("Done: v2 is live on staging")
        alice.fair()
        alice.go(f"{prompt}/labels/production/promote?to=2")
        alice.sees("What would come of it")
        alice.fair()
        alice.page.get_by_label("Why does it move?").fill("Read at a glance, nothing lost")
        alice.press("Ask to put v2 live on production")
        alice.sees("v2 waits")
        alice.fair()
        following = alice.page

        # Her own approval is not asked for.
        alice.page = alice.new_tab()
        alice.go(f"{prompt}/labels/production/review")
        expect(alice.page.get_by_role("button", name="Approve v2")).to_have_count(0)
        alice.fair()

        # He finds it in his inbox, with what the suite says.
        bob.sign_in(f"/n/{governed.namespace}/approvals")
        bob.sees(SUMMARY)
        bob.fair()
        bob.click("Review")
        bob.sees("What the evaluations say")
        expect(bob.page.get_by_role("link", name=SUITE).first).to_be_visible()
        bob.fair()
        assert answers(governed)["version"] == 1
        bob.page.get_by_label("Comment").fill("Read ten of them. Fine.")
        bob.press("Approve v2")

        # It arrives while she watches, without a click.
        expect(following.locator("main")).to_contain_text(
            "Done: v2 is live on production", timeout=120_000
        )
        wait_for(lambda: answers(governed)["version"] == 2, "the pod to have it", 10)
        alice.page = following
        alice.fair()
        alice.go(f"{prompt}")
        alice.click(SUITE)
        alice.sees("36")
        alice.fair()

        # Two clicks, and it is as it was.
        bob.go(prompt)
        bob.click("Go back to v1")
        bob.fair()
        bob.press("Go back to v1")
        bob.sees("Done: v1 is live on production")
        wait_for(lambda: answers(governed)["version"] == 1, "the pod to go back", 10)
        bob.go(f"{prompt}/history")
        bob.sees("Read at a glance, nothing lost")
        bob.sees(f"{PREFIX}alice")
        bob.sees(f"{PREFIX}bob")
        bob.fair()

        bob.press("Sign out")
        bob.page.get_by_role("button", name="Sign out everywhere").click()
        bob.page.wait_for_url(f"{url}/signed-out*")
        bob.go(prompt)
        bob.page.wait_for_url(f"{url}/sign-in*")
    except BaseException:
        for person in (alice, bob):
            for number, page in enumerate(person.context.pages):
                page.screenshot(path=tmp_path / f"{person.name}-{number}.png", full_page=True)
        raise
    finally:
        alice.close()
        bob.close()


def test_installed_as_shipped(node: Node) -> None:
    plane = node.control_plane
    namespace = f"--namespace={SYSTEM}"
    secret = f"--from-literal=secret={secrets.token_hex(32)}"
    plane.kubectl("create", "secret", "generic", "promptrelease-console", namespace, secret)
    plane.kubectl("apply", "--server-side", "-k", MANIFESTS / "console")
    try:
        wait = ("rollout", "status", "deployment/promptrelease-console", "--timeout=240s")
        done = plane.kubectl(*wait, namespace, check=False)
        about = ("describe", "pods", namespace, "--selector=app.kubernetes.io/component=console")
        assert done.returncode == 0, plane.kubectl(*about).stdout
        of = "labelSelector=app.kubernetes.io/component=console"
        found = plane.request("GET", f"/api/v1/namespaces/{SYSTEM}/pods?{of}")["items"]
        assert len(found) == 2
        for pod in found:
            address = pod["status"]["podIP"]
            assert get(f"http://{address}:9000/readyz") == 200
            assert get(f"http://{address}:8000/sign-in", HOST) == 200
            assert get(f"http://{address}:8000/static/vendor/htmx.min.js", HOST) == 200
            assert get(f"http://{address}:8000/sign-in", "elsewhere.example.com") == 421
            (volume,) = pod["spec"]["volumes"]
            sources = [key for one in volume["projected"]["sources"] for key in one]
            assert sources == ["configMap"], "its own token is not its to have"
    finally:
        plane.kubectl("delete", "-k", MANIFESTS / "console", "--wait=false")
        plane.kubectl("delete", "secret", "promptrelease-console", namespace)


def get(url: str, host: str = "") -> int:
    """The status of an answer."""
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
