"""Files with YAML between two lines of dashes, and a template below."""

from __future__ import annotations

import re
from typing import Any

import yaml

from promptrelease.exchange.values import Json, LeftOut

_BEGIN = re.compile(r"^(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:---|\+\+\+)[ \t]*\r?\n")
_END = re.compile(r"^(?:---|\+\+\+)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


# libyaml's are ten times as quick, where PyYAML was built with it.
_BaseLoader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Loader(_BaseLoader):  # type: ignore[misc]
    """YAML in which a date is a string, as it is in JSON."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """YAML in which a text of several lines is written as one."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: no anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Not where PyYAML's block style is known to lose white space at the beginning.
    style = "|" if "\n" in text and text.strip() and not text[0].isspace() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def load(text: str) -> Any:
    """One YAML document. Raises yaml.YAMLError."""
    return yaml.load(text, Loader)  # noqa: S506


def dump(value: Any) -> str:
    """YAML that `load` reads as this very value, always the same text for the same value."""
    for dumper in (_Dumper, _BaseDumper):
        text = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
        if load(text) == value:
            return text
    raise ValueError("a value that YAML can't hold")


def split(text: str) -> tuple[Json, str]:
    """The values at the top of a file, and the template below; no values when there is no YAML.

    Raises:
        LeftOut: what is at the top is not YAML, or not an object.

    """
    begin = _BEGIN.match(text)
    end = _END.search(text, begin.end()) if begin else None
    if begin is None:
        return {}, text
    if end is None:
        raise LeftOut("frontmatter", "it begins with '---' and has no second one")
    try:
        values = load(text[begin.end() : end.start()])
    except yaml.YAMLError as error:
        raise LeftOut("frontmatter", f"it is not YAML: {error}") from None
    if values is None:
        values = {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise LeftOut("frontmatter", "it is not an object")
    return values, text[end.end() :]


def join(values: Json, body: str) -> str:
    """The file that `split` reads so."""
    return f"---\n{dump(values)}---\n{body}\n"
