"""The resources, one module a kind. A user's field is defined here and nowhere else.

``python -m promptrelease.api`` writes the CustomResourceDefinitions that these models mean.
"""

from promptrelease.api.promptapproval import PromptApproval
from promptrelease.api.promptchange import PromptChange
from promptrelease.api.promptevaluation import PromptEvaluation
from promptrelease.api.promptpolicy import PromptPolicy, PromptPolicySpec
from promptrelease.api.promptrelease import LabelSpec, PromptRelease
from promptrelease.api.promptsuite import PromptSuite
from promptrelease.api.promptversion import PromptVersion, PromptVersionSpec

GROUP = "promptrelease.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "LabelSpec",
    "PromptApproval",
    "PromptChange",
    "PromptEvaluation",
    "PromptPolicy",
    "PromptPolicySpec",
    "PromptRelease",
    "PromptSuite",
    "PromptVersion",
    "PromptVersionSpec",
]
