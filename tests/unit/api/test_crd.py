"""The CRDs say what the models and the template language say."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from promptrelease.api.crd import manifests
from promptrelease.api.promptversion import TEMPLATE
from promptrelease.content.template import TemplateError, parse

CRDS = Path(__file__).parents[3] / "crds"
# As RE2 reads it: $ is the end of the text, not of its last line.
PATTERN = re.compile(TEMPLATE.removesuffix("$") + r"\Z")

pieces = st.sampled_from(
    ["{", "}", "{{", "}}", "\\", "\\{{", "a", "9", "-", "_", ">", " ", "\n", "\u2028", "é",
     "{{a}}", "{{> a-b}}", "{{ a }}", "{{a b}}", "{{>a", "{{{", "}}}"]
)  # fmt: skip


def is_read(text: str) -> bool:
    try:
        parse(text)
    except TemplateError:
        return False
    return True


@given(st.lists(pieces, max_size=7).map("".join))
@example("\\{{a}}")
@example("\\\\{{a}}")
@example("{\\{{{{a}}")
@example("{{a}}{")
@example("{{" + "a" * 63 + "}}")
@example("{{" + "a" * 64 + "}}")
@example("{{a}}\n")
@example("{{\u00a0a}}")
def test_the_api_server_accepts_just_the_templates_that_can_be_read(text: str) -> None:
    assert bool(PATTERN.match(text)) == is_read(text)


def test_the_crds_on_disk_are_those_that_the_models_mean() -> None:
    for name, text in manifests().items():
        assert (CRDS / name).read_text(encoding="utf-8") == text, "stale: run `make crds`"
