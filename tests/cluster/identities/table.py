"""The table: who does what, and the answer."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.identities.actions import (
    AUTHOR,
    GLASS,
    MANAGED,
    WITHDRAWN_BY,
    Action,
    Scene,
    annotates,
    annotates_log,
    approves,
    breaks_glass,
    changes_approval,
    claims_version,
    creates_config_map,
    creates_policy,
    creates_release,
    creates_version,
    deletes_approval,
    deletes_policy,
    deletes_release,
    deletes_served,
    deletes_version,
    denies,
    disowns_served,
    edits,
    edits_config_map,
    edits_policy,
    edits_served,
    labels_config_map,
    moves,
    prunes_log,
    reads,
    rewrites_log,
    still,
    still_by,
    unlabels_served,
    vouches,
    withdraws,
    writes_log,
    writes_status,
)
from cluster.identities.people import (
    ADMIN,
    ALICE,
    BOB,
    CARELESS,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    LAB,
    OPERATOR,
    OPERATOR_OF_LAB,
    SHOP,
    Person,
)
from harness.api import RELEASES, VERSIONS
from promptrelease.api.crd import KINDS

# ---- answers

ALLOWED = ""


def needs(verb: str, label: str) -> str:
    """Refused by a policy: what would be needed."""
    doing = {"promote": "move", "withdraw": "withdraw", "breakglass": "break the glass for"}[verb]
    what = f'needs the verb "{verb}" on promptreleases/{label}'
    return f"<who> may not {doing} {label} of <p>: {what}"


def rbac(what: str) -> str:
    """Refused by RBAC, before any policy is asked."""
    verb, resource, *group = what.split()
    where = "" if group else "promptrelease.dev"
    return f'User "<who>" cannot {verb} resource "{resource}" in API group "{where}"'


def only_operator(what: str) -> str:
    """Refused because it isn't the operator."""
    return f"<who> may not write {what}"


@dataclass(frozen=True)
class Row:
    """Who does what, and the answer: nothing if it is allowed, else words of the refusal."""

    who: Person
    does: Action
    refused: str
    given: tuple[tuple[Person, Action], ...] = ()
    namespace: str = SHOP

    def __str__(self) -> str:
        before = "".join(f" after {who} {action}" for who, action in self.given)
        where = "" if self.namespace == SHOP else f" in {self.namespace}"
        return f"{self.who} {self.does}{before}{where}"

    @property
    def alters(self) -> bool:
        """Whether it needs a prompt of its own."""
        return not self.refused or bool(self.given)

    @property
    def versions(self) -> int:
        """How many versions that prompt must have."""
        return max(action.versions for action in (self.does, *(it for _, it in self.given)))


EDIT = rbac("patch promptreleases")
LOOK = rbac("get promptreleases")  # what kubectl patch does first
STATUS_R, STATUS_V = "the status of <p>: only", "the status of <p>-v2: only"
SERVED = "<p>.production, labelled app.kubernetes.io/managed-by=promptrelease: only the operator"
IN_USE = "<p>-v2 is served as production: move it to another version first"
INCLUDED = "<p>-v6 is included by <p>-v5: delete that first"
HISTORY = (
    "<who> may not delete <p>-v1: production, staging may roll back to it; "
    'needs the verb "breakglass" on promptversions'
)
MALFORMED = f'the annotation {GLASS}production must be v<version>: <reason>, as in "v7: '
LOG = "the log can't be changed"
PRUNE = '<who> may not delete <change> from the log: needs the verb "prune" on promptchanges'
EVERYTHING = ",".join(kind.plural for kind in KINDS)
CANARY = (ADMIN, moves(canary=1))
DAVES_WORD, ERINS_WORD = (DAVE, approves()), (ERIN, approves())
ERINS_GLASS = (ERIN, breaks_glass("production"))

# In each row's beginning production serves v2 and staging v3, both have served v1, v5 includes v6,
# latest is v7, and v4 is used by nobody; where no version is deleted, v4 is the last one. All of it
# was made by admin.
#
# alice: author. bob: promoter; in the namespace lab on call. carol: on call. dave: approver.
# erin: platform. frank: viewer. careless: a service account that RBAC lets write everything.
ROWS = (
    # to promote
    Row(ALICE, moves(staging=4), ALLOWED),
    Row(ALICE, moves(production=4), needs("promote", "production")),
    Row(ALICE, moves(production=4, staging=4), needs("promote", "production")),
    Row(ALICE, moves(canary=4), needs("promote", "canary")),
    Row(ALICE, edits("production", reason="because"), needs("promote", "production")),
    Row(ALICE, edits("production", from_=1), needs("promote", "production")),
    Row(BOB, moves(production=4), ALLOWED),
    Row(BOB, moves(production=4, staging=4), ALLOWED),
    Row(BOB, moves(canary=4), needs("promote", "canary")),
    Row(BOB, moves(canary=4, staging=4), needs("promote", "canary")),
    Row(CAROL, moves(production=4), needs("promote", "production")),
    Row(CAROL, moves(staging=4), needs("promote", "staging")),
    Row(CAROL, moves(production=2), needs("promote", "production")),
    Row(DAVE, moves(production=4), EDIT),
    Row(ERIN, moves(production=4), ALLOWED),
    Row(ERIN, moves(canary=4), needs("promote", "canary")),
    Row(FRANK, moves(staging=4), EDIT),
    Row(ADMIN, moves(canary=4), ALLOWED),
    Row(OPERATOR, moves(production=4), EDIT),
    Row(CARELESS, moves(production=4), needs("promote", "production")),
    # to roll back
    Row(ALICE, moves(staging=1), ALLOWED),
    Row(ALICE, moves(production=1), needs("promote", "production")),
    Row(BOB, moves(production=1), ALLOWED),
    Row(CAROL, moves(production=1), ALLOWED),
    Row(CAROL, moves(production=1, staging=1), ALLOWED),
    Row(CAROL, moves(production=1, staging=4), needs("promote", "staging")),
    Row(CAROL, moves(production=3), needs("promote", "production")),
    Row(DAVE, moves(production=1), EDIT),
    Row(CARELESS, moves(production=1), needs("promote", "production")),
    # to withdraw a label, and to delete a release with all of its labels
    Row(ALICE, withdraws("staging"), ALLOWED),
    Row(ALICE, withdraws("production"), needs("withdraw", "production")),
    Row(ALICE, deletes_release(), rbac("delete promptreleases")),
    Row(BOB, withdraws("production", "staging"), ALLOWED),
    Row(BOB, withdraws("canary"), needs("withdraw", "canary"), given=(CANARY,)),
    Row(BOB, deletes_release(), ALLOWED),
    Row(BOB, deletes_release(), '<who> may not delete <p>, which serves canary: needs the verb "w',
        given=(CANARY,)),
    Row(CAROL, withdraws("production"), needs("withdraw", "production")),
    Row(CAROL, deletes_release(), rbac("delete promptreleases")),
    Row(ERIN, withdraws("production"), ALLOWED),
    Row(ERIN, deletes_release(), ALLOWED),
    Row(ADMIN, deletes_release(), ALLOWED, given=(CANARY,)),
    Row(CARELESS, withdraws("staging"), needs("withdraw", "staging")),
    Row(CARELESS, deletes_release(), "<who> may not delete <p>, which serves production: needs"),
    # to create a release, and to edit what isn't about labels
    Row(ALICE, creates_release(staging=1), ALLOWED),
    Row(ALICE, creates_release(production=1), "may not move production of <p>-new: needs the verb"),
    Row(BOB, creates_release(production=1, staging=1), ALLOWED),
    Row(CAROL, creates_release(production=1), rbac("create promptreleases")),
    Row(ALICE, annotates("team", "tickets"), ALLOWED),
    Row(CAROL, annotates("team", "tickets"), ALLOWED),
    Row(FRANK, annotates("team", "tickets"), EDIT),
    # in somebody else's name
    Row(BOB, moves(by="carol", production=4), ALLOWED),  # as bob: see moves()
    Row(ALICE, edits("production", by="alice").and_then(still_by("production", "admin")), ALLOWED),
    Row(ALICE, edits("staging", by=None).and_then(still_by("staging", "admin")), ALLOWED),
    Row(BOB, withdraws("production", claim="production carol"), ALLOWED),
    Row(BOB, withdraws("production", claim="production bob\nstaging carol"), ALLOWED),
    Row(BOB, creates_release(claim="production carol", staging=1), ALLOWED),
    Row(ALICE, annotates(WITHDRAWN_BY, "staging bob").and_then(still(WITHDRAWN_BY, None)), ALLOWED),
    Row(ALICE, annotates(WITHDRAWN_BY, None).and_then(still(WITHDRAWN_BY, "production bob")),
        ALLOWED, given=((BOB, withdraws("production")),)),
    # versions
    Row(ALICE, creates_version(), ALLOWED),
    Row(ALICE, creates_version(author="bob"), ALLOWED),  # as alice: see creates_version()
    Row(ALICE, claims_version("alice"), ALLOWED),
    Row(ALICE, claims_version(None), ALLOWED),
    Row(BOB, creates_version(), rbac("create promptversions")),
    Row(DAVE, creates_version(), rbac("create promptversions")),
    Row(ALICE, deletes_version(4), ALLOWED),
    Row(ALICE, deletes_version(5), ALLOWED),
    Row(ALICE, deletes_version(2), IN_USE),
    Row(ALICE, deletes_version(6), INCLUDED),
    Row(ALICE, deletes_version(7), "<p>-v7 is served as latest, which follows the highest version"),
    Row(ALICE, deletes_version(1), HISTORY),
    Row(BOB, deletes_version(4), rbac("delete promptversions")),
    Row(ERIN, deletes_version(1), ALLOWED),
    Row(ERIN, deletes_version(2), IN_USE),
    Row(ERIN, deletes_version(6), INCLUDED),
    Row(ADMIN, deletes_version(2), IN_USE),
    Row(ADMIN, deletes_version(6), INCLUDED),
    Row(CARELESS, deletes_version(1), HISTORY),
    # what is served is for the operator to say
    Row(ERIN, writes_status(RELEASES), rbac("patch promptreleases/status")),
    Row(ALICE, writes_status(VERSIONS, "<p>-v2"), rbac("patch promptversions/status")),
    Row(ADMIN, writes_status(RELEASES), only_operator(STATUS_R)),
    Row(ADMIN, writes_status(VERSIONS, "<p>-v2"), only_operator(STATUS_V)),
    Row(CARELESS, writes_status(RELEASES), only_operator(STATUS_R)),
    Row(OPERATOR, writes_status(RELEASES), ALLOWED),
    Row(OPERATOR_OF_LAB, writes_status(RELEASES), only_operator(STATUS_R)),
    Row(OPERATOR_OF_LAB, writes_status(RELEASES), ALLOWED, namespace=LAB),
    # approvals
    Row(DAVE, approves(), ALLOWED),
    Row(DAVE, approves("staging"), ALLOWED),
    Row(DAVE, denies(), ALLOWED),
    Row(DAVE, approves(by="erin"), ALLOWED),  # as dave: see approves()
    Row(DAVE, approves("canary"), '<who> may not approve canary of <p>: needs the verb "approve"'),
    Row(ERIN, approves(), ALLOWED),
    Row(BOB, approves(), rbac("create promptapprovals")),
    Row(ALICE, approves("staging"), rbac("create promptapprovals")),
    Row(CARELESS, denies(), '<who> may not deny production of <p>: needs the verb "approve" on'),
    Row(DAVE, deletes_approval(), ALLOWED, given=(DAVES_WORD,)),
    Row(DAVE, deletes_approval(), "<who> may not delete <p>-word: erin made it; needs the verb",
        given=(ERINS_WORD,)),
    Row(ERIN, deletes_approval(), ALLOWED, given=(DAVES_WORD,)),
    Row(CARELESS, deletes_approval(), "<who> may not delete <p>-word: dave made it; needs the verb",
        given=(DAVES_WORD,)),
    Row(DAVE, changes_approval(), rbac("patch promptapprovals"), given=(DAVES_WORD,)),
    Row(ADMIN, changes_approval(), "an approval can't be changed", given=(DAVES_WORD,)),
    # a verdict from outside
    Row(ERIN, vouches(), ALLOWED),
    Row(ERIN, vouches(by="dave"), ALLOWED),  # as erin: see vouches()
    Row(BOB, vouches(), rbac("create promptevaluations")),
    Row(CARELESS, vouches(), '<who> may not give a verdict for none: needs the verb "attest" on'),
    Row(ADMIN, vouches(), ALLOWED),
    Row(DAVE, vouches(by="dave"), rbac("create promptevaluations")),
    # policies
    Row(ALICE, creates_policy(), rbac("create promptpolicies")),
    Row(BOB, creates_policy(), rbac("create promptpolicies")),
    Row(DAVE, creates_policy(), rbac("create promptpolicies")),
    Row(ERIN, creates_policy(), ALLOWED),
    Row(ERIN, edits_policy(), ALLOWED, given=((ERIN, creates_policy()),)),
    Row(ERIN, deletes_policy(), ALLOWED, given=((ERIN, creates_policy()),)),
    Row(BOB, edits_policy(), rbac("patch promptpolicies"), given=((ERIN, creates_policy()),)),
    # the log
    Row(ERIN, writes_log(), rbac("create promptchanges")),
    Row(ADMIN, writes_log(), only_operator("the log: the operator does, when a label moves")),
    Row(CARELESS, writes_log(), only_operator("the log: the operator does, when a label moves")),
    Row(OPERATOR, writes_log(), ALLOWED),
    Row(ERIN, rewrites_log(), rbac("patch promptchanges")),
    Row(ADMIN, rewrites_log(), LOG),
    Row(ADMIN, annotates_log(), LOG),
    Row(OPERATOR, annotates_log(), rbac("patch promptchanges")),
    Row(OPERATOR_OF_LAB, annotates_log(), LOG, namespace=LAB),
    Row(BOB, prunes_log(), rbac("delete promptchanges")),
    Row(CARELESS, prunes_log(), PRUNE),
    Row(ERIN, prunes_log(), ALLOWED),
    # to break the glass
    Row(ERIN, breaks_glass("production"), ALLOWED),
    Row(ERIN, breaks_glass("canary"), needs("breakglass", "canary")),
    Row(ERIN, breaks_glass("production", "v4"), MALFORMED),
    Row(ERIN, breaks_glass("production", "4: in a hurry"), MALFORMED),
    Row(ERIN, breaks_glass("production", "v4: "), MALFORMED),
    Row(ERIN, breaks_glass("production", ""), MALFORMED),
    Row(BOB, breaks_glass("production"), needs("breakglass", "production")),
    Row(ALICE, breaks_glass("staging"), needs("breakglass", "staging")),
    Row(CAROL, breaks_glass("production"), needs("breakglass", "production")),
    Row(BOB, breaks_glass("production", None), ALLOWED, given=(ERINS_GLASS,)),
    Row(BOB, breaks_glass("production", "v5: and so on"), needs("breakglass", "production"),
        given=(ERINS_GLASS,)),
    Row(BOB, moves(production=4), ALLOWED, given=(ERINS_GLASS,)),
    # what workloads mount
    Row(CARELESS, edits_served(), only_operator(SERVED)),
    Row(CARELESS, unlabels_served(), only_operator(SERVED)),
    Row(CARELESS, disowns_served(), only_operator(SERVED)),
    Row(CARELESS, deletes_served(), ALLOWED),  # and it is back at once
    Row(CARELESS, creates_config_map(MANAGED), only_operator("<p>.fake, labelled")),
    Row(CARELESS, creates_config_map({}), ALLOWED),
    Row(CARELESS, edits_config_map(), ALLOWED, given=((CARELESS, creates_config_map({})),)),
    Row(CARELESS, labels_config_map(), "edit spec.labels.fake of PromptRelease <p>",
        given=((CARELESS, creates_config_map({})),)),
    Row(ADMIN, edits_served(), "served, edit spec.labels.production of PromptRelease <p>"),
    Row(ERIN, edits_served(), rbac("get configmaps core")),
    # a role in one namespace is none in another
    Row(BOB, moves(production=1), ALLOWED, namespace=LAB),
    Row(BOB, moves(production=4), needs("promote", "production"), namespace=LAB),
    Row(BOB, withdraws("staging"), needs("withdraw", "staging"), namespace=LAB),
    Row(ALICE, moves(staging=4), LOOK, namespace=LAB),
    Row(ERIN, breaks_glass("production"), LOOK, namespace=LAB),
    Row(DAVE, approves(), rbac("create promptapprovals"), namespace=LAB),
    Row(FRANK, reads(RELEASES), rbac("list promptreleases"), namespace=LAB),
    # to look
    Row(ALICE, reads(EVERYTHING), ALLOWED),
    Row(BOB, reads(EVERYTHING), ALLOWED),
    Row(CAROL, reads(EVERYTHING), ALLOWED),
    Row(DAVE, reads(EVERYTHING), ALLOWED),
    Row(ERIN, reads(EVERYTHING), ALLOWED),
    Row(FRANK, reads(EVERYTHING), ALLOWED),
)  # fmt: skip

AS = "may not move staging of <p> as {}: spec.labels.staging.by must be alice, or be left out"
STAYS = "spec.labels.{}.by of <p> says who moved it: it must stay admin until the label moves"
LINES = f'the annotation {WITHDRAWN_BY} of <p> says who withdrew a label: this request may add "<l'


def _move(by: str | None) -> Action:
    action = edits("staging", version=4, reason="another try", by=by)
    return action.and_then(still_by("staging", by))


def _unattributed(label: str) -> Action:
    def gone(scene: Scene) -> None:
        assert scene.label(label) == {}

    return withdraws(label).and_then(gone)


# Where no stamp fills the names in, they are what the client writes: one's own, or none.
AUTHORS = f"{AUTHOR} of <p>-v4 says who wrote it: it must stay admin"
UNSTAMPED = (
    Row(ALICE, edits("staging", version=4, reason="another try"), AS.format("admin")),
    Row(ALICE, _move(by="alice"), ALLOWED),
    Row(ALICE, _move(by=None), ALLOWED),
    Row(ALICE, _move(by="bob"), AS.format("bob")),
    Row(ALICE, edits("production", by="alice"), STAYS.format("production")),
    Row(ALICE, edits("production", by=None), STAYS.format("production")),
    Row(ALICE, edits("staging", by="alice"), "must stay absent until the label moves",
        given=((ALICE, _move(by=None)),)),
    Row(BOB, moves(by="bob", production=4), ALLOWED),
    Row(BOB, moves(by="carol", production=4), "may not move production of <p> as carol"),
    Row(ALICE, _unattributed("staging"), ALLOWED),
    Row(ALICE, withdraws("staging", claim="staging alice"), ALLOWED),
    Row(ALICE, withdraws("staging", claim="staging bob"), LINES),
    Row(ALICE, withdraws("staging", claim="staging alice\nproduction bob"), LINES),
    Row(ALICE, annotates(WITHDRAWN_BY, "staging alice"), LINES),
    Row(ALICE, creates_release(claim="staging alice", staging=1), LINES.replace("<p>", "<p>-new")),
    Row(ALICE, creates_version(author="alice"), ALLOWED),
    Row(ALICE, creates_version().and_then(still(AUTHOR, None, VERSIONS, "<p>-v8")), ALLOWED),
    Row(ALICE, creates_version(author="bob"), f"as bob: the annotation {AUTHOR} must be alice, or"),
    Row(ALICE, claims_version("alice"), AUTHORS),
    Row(ALICE, claims_version(None), AUTHORS),
    Row(DAVE, approves(by="dave"), ALLOWED),
    Row(DAVE, approves(), "dave may not approve as nobody: spec.by must be dave"),
    Row(DAVE, approves(by="erin"), "dave may not approve as erin: spec.by must be dave"),
    Row(ERIN, vouches(by="erin"), ALLOWED),
    Row(ERIN, vouches(), "erin may not give a verdict as nobody: spec.by must be erin"),
    Row(ERIN, vouches(by="dave"), "erin may not give a verdict as dave: spec.by must be erin"),
)  # fmt: skip

CAN = (
    (ALICE, "promote", "staging", True),
    (ALICE, "promote", "production", False),
    (BOB, "promote", "production", True),
    (BOB, "withdraw", "production", True),
    (BOB, "breakglass", "production", False),
    (CAROL, "rollback", "production", True),
    (CAROL, "promote", "production", False),
    (DAVE, "approve", "production", True),
    (DAVE, "promote", "production", False),
    (ERIN, "breakglass", "production", True),
    (ERIN, "promote", "canary", False),
    (FRANK, "rollback", "staging", False),
)
