"""The examples of the manifests in a namespace, and an address in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from subprocess import CompletedProcess

from console.browsing import Page
from harness.api import Api, wait_for
from harness.installation import MANIFESTS

EXAMPLES = MANIFESTS / "examples"
TICKETS = ("tone-of-voice", "ticket-summary", "ticket-router")

Kubectl = Callable[..., CompletedProcess[str]]

HOSTILE = (
    """</textarea></title><script>alert(1)</script><img src=x onerror=alert(1)>"'`&lt;\u202e"""
)
"""A text that would like to be more than that."""


def tickets(api: Api, kubectl: Kubectl, *files: str) -> None:
    """manifests/examples: ticket-router reads ticket-summary, which includes tone-of-voice."""
    for name in files or TICKETS:
        kubectl("apply", "--server-side", "-f", str(EXAMPLES / f"{name}.yaml"))
    for name in files or TICKETS:
        if name != "tone-of-voice":  # a text that others include, and has no release
            api.ready(name)


def chain(kubectl: Kubectl) -> None:
    """manifests/examples/evaluation: three prompts, three suites, and a gate."""
    kubectl("apply", "--server-side", "-k", str(EXAMPLES / "evaluation"))


def at(api: Api, path: str) -> str:
    """The address of a page."""
    return f"/n/{api.namespace}/{path}"


def harmless(page: Page) -> Page:
    """The page, where nothing of what was written by others has become part of it."""
    for tag in ("img", "iframe", "object", "embed", "style", "base"):
        assert not page.all(tag), page.html
    for script in page.all("script"):
        assert script.attrs["src"].startswith("/static/")
        assert not script.raw.strip()
    for element in page.root.walk():
        assert not [name for name in element.attrs if name.startswith("on")], element.tag
        for name in ("href", "action", "src", "hx-get", "hx-post"):
            target = element.attrs.get(name, "/")
            assert target.startswith(("/", "#", "https://", "http://")), target
        assert "style" not in element.attrs
    return page


def until(look: Callable[[], Page], *words: str) -> Page:
    """The page, once it says all of that."""
    last: list[Page] = []

    def says() -> bool:
        last[:] = [look()]
        return all(word in last[0].text for word in words)

    try:
        wait_for(says, f"a page that says {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{last[0]!r}") from None
    return last[0]


def texts(elements: Iterable[object]) -> list[str]:
    """What one reads in each."""
    return [str(getattr(it, "text", it)) for it in elements]
