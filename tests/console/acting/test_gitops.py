"""Releases that Argo CD or Flux apply: the console says so, and offers what lasts."""

from __future__ import annotations

import json

import pytest
import yaml

from console.acting.world import P, Shop
from console.browsing import Page
from harness.api import RELEASES, Json, release

ARGO_FLAGS = ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")
FLUX_FLAGS = ("--server-side", "--field-manager=kustomize-controller", "--force-conflicts")
FLUX_LABELS = {
    "kustomize.toolkit.fluxcd.io/name": "prompts",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
}


def applied(shop: Shop, *flags: str, version: int = 1, **metadata: Json) -> None:
    """Apply the release as a GitOps tool does."""
    obj = release(P, production=(version, f"v{version} in Git"))
    obj["metadata"] |= metadata
    shop.plane.kubectl("apply", *flags, "-n", shop.api.namespace, "-f", "-", stdin=json.dumps(obj))


def argocd(shop: Shop, version: int = 1) -> None:
    tracking = f"shop:promptrelease.dev/PromptRelease:{shop.api.namespace}/{P}"
    annotations = {"argocd.argoproj.io/tracking-id": tracking}
    applied(shop, *ARGO_FLAGS, version=version, annotations=annotations)


def patches(page: Page) -> list[str]:
    return [it.raw for it in page.all("pre")]


def test_argo_cd_owns_it_and_the_patch_is_what_git_needs(greeting: Shop) -> None:
    argocd(greeting)
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2&reason=half+as+%22long%22")
    assert "This prompt is released from Git" in page.text
    assert "Argo CD (application shop) applies it" in page.text
    assert "Put v2 live on production" not in [it.text for it in page.all("button")]
    whole = next(it for it in patches(page) if "kind: PromptRelease" in it)
    assert yaml.safe_load(whole)["spec"]["labels"] == {
        "production": {"version": 2, "reason": 'half as "long"'}
    }
    (line,) = [it for it in patches(page) if it.startswith("production: {")]
    assert yaml.safe_load(line) == {"production": {"version": 2, "reason": 'half as "long"'}}
    # What Git then says is a move that the operator makes.
    obj = yaml.safe_load(whole)
    greeting.plane.kubectl(
        "apply", *ARGO_FLAGS, "-n", greeting.api.namespace, "-f", "-", stdin=json.dumps(obj)
    )
    assert greeting.serves(2)["reason"] == 'half as "long"'


def test_an_edit_is_not_sent_either(greeting: Shop) -> None:
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    withdraw = greeting.browser("bob").get(greeting.at("withdraw"))
    argocd(greeting)
    # The label itself has moved by that as well; look again, then take the old button.
    again = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    fields: dict[str, str | list[str]] = {**page.form("seen").values, "reason": "mine"}
    fields["seen"] = _seen(greeting)
    refused = greeting.browser("bob").post(greeting.at("promote"), fields | {"do": "move"})
    assert refused.status == 409
    assert "applies this release from Git, and would undo it" in refused.alert
    assert "mine" in "".join(patches(refused)), "the reason is kept, in the line for Git"
    fields = {**withdraw.form("seen").values, "reason": "mine", "seen": _seen(greeting)}
    assert greeting.browser("bob").post(greeting.at("withdraw"), fields).status == 409
    assert greeting.label()["version"] == 1
    assert again.status == 200


def _seen(shop: Shop) -> str:
    """The mark of how production is, from the page where one may act nevertheless."""
    from promptrelease.console.acting import sending

    return sending.seen(shop.api.get(RELEASES, P), "production")


@pytest.mark.parametrize("tool", ["Argo CD", "Flux"])
def test_back_at_two_in_the_morning(greeting: Shop, tool: str) -> None:
    if tool == "Flux":
        applied(greeting, *FLUX_FLAGS, version=3, labels=FLUX_LABELS)
    else:
        argocd(greeting, 3)
    greeting.serves(3)
    page = greeting.browser("carol").get(greeting.at("rollback"))
    assert tool in page.text
    assert "will put v3 back" in page.text
    held = [it for it in patches(page) if "kind: PromptPolicy" in it]
    assert yaml.safe_load(held[0])["spec"]["rollback"] == "gated"
    assert ("kustomize.toolkit.fluxcd.io/reconcile=disabled" in page.text) == (tool == "Flux")
    (line,) = [it for it in patches(page) if it.startswith("production: {")]
    assert yaml.safe_load(line)["production"]["version"] == 1
    page.form("why").submit("Go back to v1 anyway")
    assert greeting.serves(1)["by"] == "carol"
    # The tool still owns it, though the label's fields are the console's now.
    again = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    assert "This prompt is released from Git" in again.text


def test_the_documented_hold_is_one(greeting: Shop) -> None:
    """The policy that the page shows keeps the tool from moving it forward again."""
    argocd(greeting, 3)
    greeting.serves(3)
    page = greeting.browser("carol").get(greeting.at("rollback"))
    (held,) = [it for it in patches(page) if "kind: PromptPolicy" in it]
    page.form("why").submit("Go back to v1 anyway")
    greeting.serves(1)
    spec = yaml.safe_load(held)["spec"]
    greeting.demand(yaml.safe_load(held)["metadata"]["name"], **spec)
    argocd(greeting, 3)
    assert greeting.pending()["version"] == 3
    assert greeting.label()["version"] == 1


def test_flux_told_to_leave_it_alone(greeting: Shop) -> None:
    applied(greeting, *FLUX_FLAGS, labels=FLUX_LABELS)
    greeting.plane.kubectl(
        "annotate",
        "promptrelease",
        P,
        "-n",
        greeting.api.namespace,
        "kustomize.toolkit.fluxcd.io/reconcile=disabled",
    )
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    assert "is told to leave it alone for now" in page.text
    page.form("seen").submit("Put v2 live on production", reason="kinder")
    greeting.serves(2)


def test_withdrawing_shows_what_to_take_out(greeting: Shop) -> None:
    argocd(greeting)
    page = greeting.browser("bob").get(greeting.at("withdraw"))
    assert "would bring the label back" in page.text
    assert all("seen" not in form.values for form in page.forms)
