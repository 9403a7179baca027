"""Where one acts: a label of a prompt, as an address names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from promptrelease.console.web.context import Context
from promptrelease.views.failures import NotFound, UsageMistake

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Place:
    """A label of a prompt.

    Attributes:
        label: empty where the page is about the prompt as a whole.

    """

    namespace: str
    prompt: str
    label: str = ""

    @property
    def prompt_path(self) -> str:
        """Address of the prompt's page."""
        return f"/n/{quote(self.namespace, safe='')}/prompts/{quote(self.prompt, safe='')}"

    def path(self, page: str, **query: object) -> str:
        """Address of one of the label's pages."""
        found = f"{self.prompt_path}/labels/{quote(self.label, safe='')}/{page}"
        asked = {name: str(value) for name, value in query.items() if value is not None}
        return f"{found}?{urlencode(asked)}" if asked else found


def place(context: Context) -> Place:
    """Where a request is about.

    Raises NotFound for what can't be a name: it would be something else in a selector.
    """
    params = context.request.path_params
    names = [str(params[key]) for key in ("prompt", "label") if key in params]
    for name in names:
        if not _NAME.fullmatch(name):
            raise NotFound(f"{name!r} is no name", "the address is mistyped")
    return Place(context.namespace, *names)


def is_name(text: str) -> bool:
    """Whether a text can be the name of a prompt or a label."""
    return bool(_NAME.fullmatch(text))


def version_number(text: str) -> int | None:
    """A version's number from a form or an address; none where nothing is given.

    Raises UsageMistake.
    """
    text = text.strip().removeprefix("v")
    if not text:
        return None
    if not re.fullmatch("[1-9][0-9]{0,9}", text):
        raise UsageMistake(f"{text!r} is no version", "a version is a number, such as 7")
    return int(text)


def field(form: Mapping[str, object], name: str) -> str:
    """What was written into a field, its line ends as everywhere but in browsers."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
