"""The resources, one module a kind. A user's field is defined here and nowhere else.

``python -m promptrelease.api`` writes the CustomResourceDefinitions that these models mean.
"""

from promptrelease.api.promptrelease import LabelSpec, PromptRelease
from promptrelease.api.promptversion import PromptVersion, PromptVersionSpec

GROUP = "promptrelease.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "LabelSpec",
    "PromptRelease",
    "PromptVersion",
    "PromptVersionSpec",
]
