"""Objects as the text of a Helm template."""

from __future__ import annotations

import re
from typing import Any

import yaml

Object = dict[str, Any]

NAMESPACE = "promptrelease-system"
"""What the sources call the operator's namespace; a chart's is its release's."""

# To be filled with template text once the object is YAML, which needs no quotes for these
# characters: alone on its line, or as a value.
_HOLE = re.compile(r"^( *)(?:- )?⟦(\d+)⟧(?:: null)?$|⟦(\d+)⟧", re.MULTILINE)
_filled: list[str] = []


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, and with lines where a text has some."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def hole(text: str) -> str:
    """Return what to put into an object where ``text`` of a template shall stand.

    As a value, it stands there. As a key whose value is None, or as an item of a list, it replaces
    the whole line, indented as that was; ``INDENT`` in it is the number of spaces, and
    ``INDENT+2`` is two more.
    """
    _filled.append(text)
    return f"⟦{len(_filled) - 1}⟧"


def listed(value: str) -> str:
    """Return a hole for what a value holds, in the midst of a list or of an object."""
    return hole(f"{{{{- with {value} }}}}\n{{{{- toYaml . | nindent INDENT }}}}\n{{{{- end }}}}")


def optional(key: str, value: str) -> str:
    """Return a hole for a field that is absent while its value is empty."""
    field = f"{key}:\n{{{{- toYaml . | nindent INDENT+2 }}}}"
    return hole(f"{{{{- with {value} }}}}\n{field}\n{{{{- end }}}}")


def when(condition: str, text: str, otherwise: str = "") -> str:
    """Return template text that is left out unless ``condition`` holds."""
    if otherwise:
        otherwise = f"{{{{- else }}}}\n{otherwise.rstrip()}\n"
    return f"{{{{- if {condition} }}}}\n{text.rstrip()}\n{otherwise}{{{{- end }}}}\n"


def dump(obj: object) -> str:
    """Return an object, or a list of them, as template text."""
    text = yaml.dump(obj, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    # What stands in an object is no template, such as {{name}} in a description.
    text = text.replace("{{", '{{ "{{" }}').replace(NAMESPACE, "{{ .Release.Namespace }}")
    return _HOLE.sub(_fill, text)


def _fill(found: re.Match[str]) -> str:
    indent, block, inline = found.groups()
    if inline is not None:
        return _filled[int(inline)]
    text = _filled[int(block)]
    text = text.replace("INDENT+2", str(len(indent) + 2)).replace("INDENT", str(len(indent)))
    # Template actions stand at the margin: they leave no line, and no space, behind.
    lines = (line if line.startswith("{{-") else indent + line for line in text.splitlines())
    return "\n".join(lines)
