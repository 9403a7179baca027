"""What all kinds share: the base model, CEL rules, names, metadata and conditions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
"""RFC 1123: what a prompt and a label are called. No dots: one joins the two in a name."""

DnsLabel = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
VersionNumber = Annotated[int, Field(ge=1, le=2147483647, json_schema_extra={"format": "int32"})]
Reason = Annotated[str, Field(min_length=1, max_length=1024)]
Digest = Annotated[str, Field(max_length=71)]
ExactDigest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
Identity = Annotated[str, Field(max_length=1024)]
Timestamp = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """``x-kubernetes-validations`` from pairs of a CEL rule and the message for who breaks it."""
    return {"x-kubernetes-validations": [{"rule": r, "message": m} for r, m in rules]}


class Model(BaseModel):
    """Python's snake_case is the API's camelCase; unknown fields are errors; nothing is coerced."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="forbid",
        strict=True,
        frozen=True,
    )


class ObjectMeta(BaseModel):
    """The part of the standard metadata that is read here; the rest passes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    namespace: str | None = None


class Condition(Model):
    """One aspect of the current state, as ``kubectl wait`` and kstatus read it."""

    type: Annotated[str, Field(max_length=316)]
    """What it is about, in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
    """The generation of the spec that this was said of."""
    last_transition_time: Timestamp
    """When the status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one CamelCase word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in words for people."""


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=8,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]
