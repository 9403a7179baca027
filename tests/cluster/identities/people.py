"""Who is who: one person for each role that is shipped, and a few without one."""

from __future__ import annotations

from dataclasses import dataclass

SHOP = "shop"
"""The namespace in which everybody has their role."""
LAB = "lab"
"""Another one, in which the promoter is on call, and which has an operator of its own."""

OPERATORS_HOME = "promptrelease-system"
OPERATORS_NAME = "promptrelease-operator"


@dataclass(frozen=True)
class Person:
    """A user, or a service account.

    Attributes:
        name: as the API server knows it, and writes it down.
        roles: namespace to the ClusterRole that is bound there.
        calls: what a test's name calls them.

    """

    name: str
    roles: tuple[tuple[str, str], ...] = ()
    calls: str = ""

    def __str__(self) -> str:
        return self.calls or self.name

    @property
    def account(self) -> tuple[str, str] | None:
        """Namespace and name, of a service account."""
        kind, _, rest = self.name.rpartition("serviceaccount:")
        namespace, _, name = rest.partition(":")
        return (namespace, name) if kind else None


def _account(namespace: str, name: str, calls: str, *roles: tuple[str, str]) -> Person:
    return Person(f"system:serviceaccount:{namespace}:{name}", roles, calls)


ALICE = Person("alice", ((SHOP, "promptrelease-author"),))
BOB = Person("bob", ((SHOP, "promptrelease-promoter"), (LAB, "promptrelease-on-call")))
CAROL = Person("carol", ((SHOP, "promptrelease-on-call"),))
DAVE = Person("dave", ((SHOP, "promptrelease-approver"),))
ERIN = Person("erin", ((SHOP, "promptrelease-platform"),))
FRANK = Person("frank", ((SHOP, "promptrelease-viewer"),))
ADMIN = Person("admin")
OPERATOR = _account(OPERATORS_HOME, OPERATORS_NAME, "operator")

# RBAC lets this one write everything, statuses and the log included, as a role may do that somebody
# wrote in a hurry. What keeps it back are the policies alone.
CARELESS = _account(SHOP, "careless", "careless", (SHOP, "careless"))
# Named like the operator, as in an installation for one namespace; RBAC lets it write everywhere.
OPERATOR_OF_LAB = _account(
    LAB, OPERATORS_NAME, "operator-of-lab", (LAB, "careless"), (SHOP, "careless")
)

USERS = (ALICE, BOB, CAROL, DAVE, ERIN, FRANK)
ACCOUNTS = (CARELESS, OPERATOR_OF_LAB)
CARELESS_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "careless"},
    "rules": [
        {
            "apiGroups": ["promptrelease.dev"],
            "resources": [
                "promptversions",
                "promptversions/status",
                "promptreleases",
                "promptreleases/status",
                "promptpolicies",
                "promptapprovals",
                "promptevaluations",
                "promptevaluations/status",
                "promptchanges",
            ],
            "verbs": ["get", "list", "create", "update", "patch", "delete"],
        },
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get", "create", "update", "patch", "delete"],
        },
    ],
}
