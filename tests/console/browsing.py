"""A browser without scripts: follows links, sends forms, and reads pages with html.parser."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urlencode, urljoin

import httpx

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
SECONDS = 60


@dataclass
class Element:
    """An element of a page, as a tree.

    Attributes:
        attrs: by name; an attribute without a value has the empty one.
        content: texts and elements, in their order.

    """

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    content: list[str | Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, white space run together."""
        return re.sub(r"\s+", " ", "".join(self.strings())).strip()

    @property
    def raw(self) -> str:
        """All text in it, as it is: of ``pre`` and ``textarea``."""
        return "".join(self.strings())

    def strings(self) -> Iterator[str]:
        """All texts in it, but no script or style."""
        for part in self.content:
            if isinstance(part, str):
                yield part
            elif part.tag not in ("script", "style"):
                yield from part.strings()

    def walk(self) -> Iterator[Element]:
        """All elements in it, in the order of the page."""
        for part in self.content:
            if isinstance(part, Element):
                yield part
                yield from part.walk()

    def all(self, tag: str = "", **attrs: str) -> list[Element]:
        """Elements in it; ``class_`` is one of its classes, ``hx_get`` is ``hx-get``."""
        return [it for it in self.walk() if (not tag or it.tag == tag) and _matches(it, attrs)]

    def maybe(self, tag: str = "", **attrs: str) -> Element | None:
        """The first of ``all``, if there is one."""
        return next(iter(self.all(tag, **attrs)), None)

    def find(self, tag: str = "", **attrs: str) -> Element:
        """The first of ``all``. Raises AssertionError when there is none."""
        found = self.maybe(tag, **attrs)
        assert found is not None, f"no <{tag}> with {attrs} in: {self.text[:2000]}"
        return found


def _matches(element: Element, attrs: Mapping[str, str]) -> bool:
    for name, value in attrs.items():
        key = name.rstrip("_").replace("_", "-")
        given = element.attrs.get(key)
        if given is None or (value not in given.split() if key == "class" else value != given):
            return False
    return True


def parse(html: str) -> Element:
    """The tree of a page, or of a part of one."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.root


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].content.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        depth = next((i for i in reversed(range(len(self._open))) if self._open[i].tag == tag), 0)
        if depth:
            del self._open[depth:]

    def handle_data(self, data: str) -> None:
        self._open[-1].content.append(data)


class Form:
    """A form of a page."""

    def __init__(self, page: Page, element: Element) -> None:
        self.page = page
        self.element = element
        self.method = element.attrs.get("method", "get").lower()
        self.action = urljoin(page.url, element.attrs.get("action") or page.url)

    @property
    def values(self) -> dict[str, list[str]]:
        """What a browser would send if nothing were changed, the buttons apart."""
        found: dict[str, list[str]] = {}
        for name, value in _controls(self.element):
            found.setdefault(name, []).append(value)
        return found

    def submit(self, button: str = "", **fields: str | list[str]) -> Page:
        """Send it with these fields changed; ``button`` is the text of one that has a name.

        A field whose name is no Python name: ``**{"variables.0": ...}``. Raises AssertionError for
        one that the form has not.
        """
        values: dict[str, list[str]] = self.values
        known = {it.attrs.get("name", "") for it in self.element.walk()}
        for name, value in fields.items():
            assert name in known, f"no field {name!r}; there are {sorted(known)}"
            values[name] = [value] if isinstance(value, str) else value
        if button:
            outside = self.page.all("button", form=self.element.attrs.get("id", ""))
            buttons = {it.text: it for it in (*self.element.all("button"), *outside)}
            assert button in buttons, f"no button {button!r}; there are {list(buttons)}"
            pressed = buttons[button]
            if "name" in pressed.attrs:
                values[pressed.attrs["name"]] = [pressed.attrs.get("value", "")]
        http = self.page.browser.http
        if self.method == "post":
            answer = http.post(self.action, data=values)
        else:
            answer = http.get(self.action.split("?")[0], params=values)
        return Page(self.page.browser, answer)


def _controls(form: Element) -> Iterator[tuple[str, str]]:
    for it in form.walk():
        name = it.attrs.get("name", "")
        if not name or "disabled" in it.attrs:
            continue
        if it.tag == "textarea":
            yield name, it.raw.removeprefix("\n")
        elif it.tag == "select":
            options = it.all("option")
            chosen = [o for o in options if "selected" in o.attrs]
            if not chosen and "multiple" not in it.attrs:
                chosen = options[:1]
            for option in chosen:
                yield name, option.attrs.get("value", option.text)
        elif it.tag == "input":
            kind = it.attrs.get("type", "text")
            if kind in ("checkbox", "radio"):
                if "checked" in it.attrs:
                    yield name, it.attrs.get("value", "on")
            elif kind not in ("submit", "button", "reset", "image", "file"):
                yield name, it.attrs.get("value", "")


class Page:
    """An answer, read as a page."""

    def __init__(self, browser: Browser, answer: httpx.Response) -> None:
        self.browser = browser
        self.answer = answer
        self.status = answer.status_code
        self.headers = answer.headers
        self.url = str(answer.url)
        self.path = answer.url.raw_path.decode()
        self.html = answer.text
        self.root = parse(self.html)

    def __repr__(self) -> str:
        return f"<{self.status} {self.path}: {self.text[:2000]}>"

    @property
    def text(self) -> str:
        """What one reads."""
        return (self.root.maybe("body") or self.root).text

    @property
    def alert(self) -> str:
        """What the page says in ``role="alert"``; empty when it says nothing."""
        return " ".join(it.text for it in self.root.all(role="alert"))

    @property
    def forms(self) -> list[Form]:
        """All forms, in the order of the page; the sign-out comes first on most."""
        return [Form(self, it) for it in self.root.all("form")]

    def form(self, containing: str) -> Form:
        """The form that has a field of this name, or a text in it."""
        for form in self.forms:
            names = {it.attrs.get("name", "") for it in form.element.walk()}
            if containing in names or containing in form.element.text:
                return form
        raise AssertionError(f"no form with {containing!r}: {self!r}")

    @property
    def links(self) -> dict[str, str]:
        """Absolute address of each link, by its text."""
        found: dict[str, str] = {}
        for it in self.root.all("a"):
            if "href" in it.attrs:
                found.setdefault(it.text, urldefrag(urljoin(self.url, it.attrs["href"]))[0])
        return found

    def follow(self, text: str) -> Page:
        """Click a link by its text, or by the beginning of it."""
        links = self.links
        exact = links.get(text) or next((u for t, u in links.items() if t.startswith(text)), None)
        assert exact, f"no link {text!r} among {list(links)}"
        return self.browser.get(exact)

    def find(self, tag: str = "", **attrs: str) -> Element:
        """As Element's."""
        return self.root.find(tag, **attrs)

    def all(self, tag: str = "", **attrs: str) -> list[Element]:
        """As Element's."""
        return self.root.all(tag, **attrs)


class Browser:
    """Somebody's browser: cookies, redirects, forms; no scripts.

    Args:
        url: of the console.
        tokens: of people, by user name; ControlPlane.token.
        ca_file: PEM; who signed the OpenID provider's certificate.

    """

    def __init__(
        self, url: str, tokens: Mapping[str, str] | None = None, ca_file: Path | None = None
    ) -> None:
        self.url = url
        self.tokens = tokens or {}
        self.http = httpx.Client(
            base_url=url,
            follow_redirects=True,
            timeout=SECONDS,
            verify=ssl.create_default_context(cafile=ca_file) if ca_file else True,
        )

    def close(self) -> None:
        """Forget everything."""
        self.http.close()

    def get(self, path: str, **headers: str) -> Page:
        """Open an address; ``hx_request="true"`` is the header HX-Request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(self, self.http.get(path, headers=named))

    def post(self, path: str, fields: Mapping[str, Sequence[str]], **headers: str) -> Page:
        """Send fields that no form of a page has."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(self, self.http.post(path, data=dict(fields), headers=named))

    def sign_in(self, user: str) -> Page:
        """Sign in by token; the page that comes then."""
        page = self.get("/sign-in").form("token").submit(token=self.tokens[user])
        assert not page.path.startswith("/sign-in"), page
        return page

    def sign_in_by_provider(self, user: str, path: str = "/") -> Page:
        """Sign in at the OpenID provider, to come to a page of the console; where one ends up."""
        page = self.get("/sign-in?" + urlencode({"next": path})).follow("Sign in with")
        if page.root.maybe("input", name="password"):  # the provider may know them still
            page = page.form("password").submit(name=user, password=f"{user}-password")
        return page
