"""Where somebody goes after they have signed in: to a page of the console, whatever was asked."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.identity.redirects import ours

HERE = "https://prompts.example.org"


@pytest.mark.parametrize(
    "path",
    ["/", "/n/default/prompts?q=a%20b&page=2", "/n/a/prompts/b/labels/c/promote?to=7", "/n/x#y"],
)
def test_pages_of_ours(path: str) -> None:
    assert ours(path) == path


@pytest.mark.parametrize(
    "asked",
    [
        *("", "x", "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example"),
        *("/\tx", "/a b", "/a\r\nb", "/a\\b", "/ä", "javascript:alert(1)", "///x", "/\x00"),
        *("/sign-out", "/sign-in?next=/sign-in", "/sign-in/callback", "/" + "a" * 3000),
    ],
)
def test_anything_else_is_the_first_page(asked: str) -> None:
    assert ours(asked) == "/"


@given(st.text(alphabet="/\\.:@?#%ab \t\r\n\x00ä", max_size=12) | st.text())
def test_no_way_to_another_site(asked: str) -> None:
    path = ours(asked)
    assert urlsplit(urljoin(HERE, path)).netloc == urlsplit(HERE).netloc
    # Browsers leave these out, or take a backslash for a slash, before they look.
    as_browsers = "".join(it for it in path if it not in "\t\r\n").replace("\\", "/")
    assert not as_browsers.startswith("//")
    assert path.isascii()
    assert path.isprintable()
