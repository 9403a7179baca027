"""Where kinds are in the API server's paths."""

from __future__ import annotations

from dataclasses import dataclass

from promptrelease.api import API_VERSION

_OURS = f"/apis/{API_VERSION}"


@dataclass(frozen=True)
class Resource:
    """A kind, as the API's paths and as people name it."""

    prefix: str
    plural: str
    singular: str


RELEASES = Resource(_OURS, "promptreleases", "PromptRelease")
VERSIONS = Resource(_OURS, "promptversions", "PromptVersion")
POLICIES = Resource(_OURS, "promptpolicies", "PromptPolicy")
APPROVALS = Resource(_OURS, "promptapprovals", "PromptApproval")
CHANGES = Resource(_OURS, "promptchanges", "PromptChange")
SUITES = Resource(_OURS, "promptsuites", "PromptSuite")
EVALUATIONS = Resource(_OURS, "promptevaluations", "PromptEvaluation")
CONFIG_MAPS = Resource("/api/v1", "configmaps", "ConfigMap")
PODS = Resource("/api/v1", "pods", "Pod")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments", "Deployment")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases", "Lease")
CRDS = Resource(
    "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"
)
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = Resource(_ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy")
VALIDATING_BINDINGS = Resource(
    _ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"
)
MUTATING = Resource(_ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy")
MUTATING_BINDINGS = Resource(
    _ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"
)
KINDS = {
    r.singular: r for r in (RELEASES, VERSIONS, POLICIES, APPROVALS, CHANGES, SUITES, EVALUATIONS)
}
