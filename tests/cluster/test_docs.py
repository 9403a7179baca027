"""The commands of the guides, run as they are read, on a real API server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.api import Api, wait_for
from harness.controlplane import ControlPlane
from harness.operator import ROOT, Operator, install

SECONDS = 120
WORKLOADS = ROOT / "docs" / "workloads.md"
_BLOCK = re.compile(r"^#+ (?:\d+\. )?([^\n]+)$|^```sh\n(.*?)^```$", re.M | re.S)
# There is no node and nothing to build with, and the harness has installed what the guide installs.
NOT_HERE = re.compile(r"^(docker|pip|kubectl apply -k manifests/base|.* rollout ).*\n", re.M)


@dataclass(frozen=True)
class Reader:
    """Somebody who has a checkout, and types what a page says."""

    plane: ControlPlane
    checkout: Path
    environment: dict[str, str]

    def run(self, page: str, heading: str) -> str:
        """Run all blocks of commands below a heading; returns what they write.

        Raises AssertionError when there are none, or one fails.
        """
        here = ""
        blocks = []
        for found in _BLOCK.finditer((ROOT / "docs" / page).read_text()):
            here = found[1] or here
            if found[2] and here == heading:
                blocks.append(NOT_HERE.sub("", found[2]))
        assert blocks, f"{page} has no commands below {heading!r}"
        return self.sh("\n".join(blocks))

    def sh(self, commands: str) -> str:
        """Run commands until one fails. Raises AssertionError then."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own, since the pages make namespaces of their own."""
    with ControlPlane() as running, Operator(running, install(running)):
        yield running


@pytest.fixture
def reader(plane: ControlPlane, tmp_path: Path) -> Reader:
    """Somebody in an empty namespace ``shop``."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(plane.kubeconfig(), kubeconfig)
    environment = {**os.environ, **plane.environment(kubeconfig), "PYTHONPATH": f"{ROOT}/operator"}
    # The executables of this very Python: kubectl-prompt, promptrelease.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return Reader(plane, tmp_path, environment)


@pytest.fixture
def shop(reader: Reader, plane: ControlPlane) -> Iterator[Reader]:
    """The prompts of manifests/examples, with a move and its log."""
    name = f"docs-{os.getpid()}-{reader.checkout.name.replace('_', '-')}"[:60].strip("-")
    reader.sh(f"kubectl create namespace {name}")
    reader.sh(f"kubectl config set-context --current --namespace={name}")
    reader.sh("kubectl apply -k manifests/examples")
    reader.sh("kubectl wait promptreleases --all --for=condition=Ready --timeout=30s")
    yield reader
    Api(plane, name).clear()


def move(shop: Reader, version: int, reason: str) -> None:
    """Move production of ticket-summary, and wait until it is served."""
    shop.sh(
        f"kubectl prompt promote ticket-summary production {version} --reason '{reason}' --yes\n"
        f"kubectl wait promptrelease/ticket-summary --timeout=30s "
        f"--for=jsonpath='{{.status.labels.production.version}}'={version}"
    )


def production(shop: Reader) -> str:
    return shop.sh(
        "kubectl get promptrelease ticket-summary -o jsonpath='{.status.labels.production.version}'"
    )


def test_the_quick_start(reader: Reader) -> None:
    def run(heading: str) -> str:
        return reader.run("quick-start.md", heading)

    run("An operator")
    assert "greeting-v2" in run("Two versions and a release")
    got = run("What a program gets")
    assert "greeting.production" in got
    assert "1 gpt-4.1-mini-2025-04-14\nGreet Ada in one friendly sentence.\n" in got
    log = run("Promote, and roll back")
    assert "Replies got colder" in log
    broken = run("Break something")
    assert "production stays at v1: waits for PromptVersion greeting-v9" in broken
    assert "Greet {{customer}} in one friendly sentence.\n" in broken


def test_the_rollback_at_2_am(shop: Reader) -> None:
    page = "how-to/roll-back-at-2-am.md"
    move(shop, 1, "Shorter")
    move(shop, 3, "Two sentences are enough")
    assert "Two sentences are enough" in shop.run(page, "Has it moved?")
    # Both ways back are told; the first one goes to v1, the second one finds it there.
    shop.run(page, "Back")
    wait_for(lambda: production(shop) == "1", "the rollback")
    assert "production" in shop.run(page, "Is it served?")
    kinds = shop.sh(
        "kubectl get promptchanges --field-selector spec.release=ticket-summary,spec.kind=Rollback"
        " -o name"
    )
    assert kinds.count("promptchange") == 1
    found = shop.sh("kubectl get configmaps -l promptrelease.dev/prompt=ticket-summary -o name")
    assert "configmap/ticket-summary.staging" in found


def test_the_gate_on_an_evaluation(shop: Reader) -> None:
    page = "how-to/gate-on-an-evaluation.md"
    shop.run(page, "Write the suite")
    shop.run(page, "Ask for it")
    told = shop.run(page, "Move")
    assert "0 of 1 suites passed" in told
    assert "keeps-urgency" in told
    assert production(shop) == "2"
    wait_for(
        lambda: shop.sh(
            "kubectl get jobs -l app.kubernetes.io/managed-by=promptrelease-evaluation -o name"
        ),
        "the suite's Job, by the label that the page names",
    )


def test_the_first_minutes_of_who_releases(shop: Reader) -> None:
    told = shop.run("release-prompts.md", "The first five minutes")
    assert "Greet {{customer}} in one friendly sentence." in told
    assert "Replies got colder" in told


def test_the_workload_on_a_laptop(reader: Reader) -> None:
    block = re.search(r"^## 4\. .*?^```sh\n(.*?)^```", WORKLOADS.read_text(), re.M | re.S)
    assert block
    told = reader.sh(block[1].replace("/tmp/prompts", str(reader.checkout / "prompts")))
    assert "ticket-summary@staging" in told
    assert "It is broken." in told


def test_troubleshooting_commands_answer(shop: Reader) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    block = re.search(r"Without the plugin:\n\n```sh\n(.*?)```", page, re.S)
    assert block
    assert "ticket-summary" in shop.sh(block[1])
    assert "production" in shop.sh("kubectl prompt status ticket-summary")
