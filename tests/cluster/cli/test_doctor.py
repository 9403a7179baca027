"""`doctor` on a real API server, with roles and admission in force."""

from __future__ import annotations

import json
from typing import Any

from cluster.cli.conftest import Call, P, Shop
from cluster.cli.test_look import reader
from harness.api import release, version

Findings = dict[str, dict[str, str]]


def findings(call: Call, who: str, *args: str) -> tuple[int, Findings]:
    """Exit code, and what was found by what it is about."""
    code, out, _ = call(who, "doctor", *args, "-o", "json")
    return code, {finding["about"]: finding for finding in json.loads(out)}


def pod(shop: Shop, name: str, *, told: bool, **mount: Any) -> None:
    path = f"/api/v1/namespaces/{shop.namespace}"
    if not shop.plane.request("GET", f"{path}/serviceaccounts")["items"]:
        shop.plane.request("POST", f"{path}/serviceaccounts", {"metadata": {"name": "default"}})
    shop.plane.request(
        "POST",
        f"{path}/pods",
        {
            "metadata": {
                "name": name,
                "labels": {"promptrelease.dev/refresh": "true"} if told else {},
            },
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        "name": "app",
                        "image": "app",
                        "volumeMounts": [{"name": "p", "mountPath": "/p", **mount}],
                    }
                ],
                "volumes": [{"name": "p", "configMap": {"name": f"{P}.production"}}],
            },
        },
    )


def test_all_that_is_shipped_is_found_in_place(greeting: Shop, call: Call) -> None:
    code, found = findings(call, "admin")
    # The Deployment is applied, and there is no kubelet to run it: the operator is a process here.
    assert code == 1
    assert [about for about, it in found.items() if it["level"] == "bad"] == ["operator"]
    assert "0 of 1 ready" in found["operator"]["what"]
    for about in ("versions", "CRDs", "operator at work", "admission", "admission, the stamp"):
        assert found[about]["level"] == "ok", found[about]
    assert found["admin may"]["level"] == "ok"
    assert "production: promote, rollback" in found["admin may"]["what"]


def test_a_stalled_prompt_is_bad_and_said_so_by_the_exit_code(shop: Shop, call: Call) -> None:
    shop.api.create(version(P, 1, text="{{oops}}"))
    shop.api.create(release(P, production=(1, "begin")))
    shop.api.release_with(P, "Stalled", "True")
    code, found = findings(call, "admin")
    assert code == 1
    assert found[P]["level"] == "bad"
    assert found[P]["todo"] == f"kubectl prompt status {P}"
    assert found[f"{P}-v1"]["level"] == "warn"


def test_moves_that_wait_longer_than_asked_are_told(four_eyes: Shop, call: Call) -> None:
    four_eyes.api.move(P, "production", 2, "shorter")
    four_eyes.api.release_with(P, "Reconciling", "True", "waits for 1 approval")
    assert P not in findings(call, "admin")[1]
    _, found = findings(call, "admin", "--stuck", "0")
    assert found[P]["level"] == "warn"
    assert "1 approval" in found[P]["what"]


def test_pods_that_follow_late_or_never_are_named(greeting: Shop, call: Call) -> None:
    pod(greeting, "web-1", told=True)
    pod(greeting, "web-2", told=True, subPath="prompt.txt")
    pod(greeting, "web-3", told=False)
    _, found = findings(call, "admin")
    assert found["pods"]["what"].startswith("1 pod is told")
    assert "by subPath" in found["pod web-2"]["what"]
    assert found[f"pods of {P}.production"]["what"].endswith("web-3")


def test_what_one_may_not_look_at_is_skipped(greeting: Shop, call: Call) -> None:
    reader(greeting)
    code, found = findings(call, "frank")
    assert code == 0
    assert not any(it["level"] == "bad" for it in found.values())
    for about in ("CRDs", "operator", "admission", "pods"):
        assert found[about]["level"] == "skipped", found[about]
    assert "production: nothing" in found["frank may"]["what"]
    assert found["operator at work"]["level"] == "ok"


def test_who_may_not_look_at_all_is_told(greeting: Shop, call: Call) -> None:
    code, out, err = call("frank", "doctor")
    assert code == 4
    assert "ok      versions: kubectl prompt" in out
    assert "cannot list resource" in err
