"""What MkDocs can't do by itself, as its hooks: see ``mkdocs.yml``.

The guides link to files of the repository outside ``docs/``, as readers of the repository follow
them. In the site each such file has a page below ``repository/``, so that it is whole without a
network. A link to a file that does not exist fails the build.
"""

from __future__ import annotations

import html
import logging
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = ("CONTRIBUTING.md", "SECURITY.md")
"""Files that have a place in the navigation."""

SKIPPED = {"__pycache__", "node_modules"}
LANGUAGES = {
    ".py": "python",
    ".sh": "sh",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".js": "js",
    ".toml": "toml",
}

_ORIGINS: dict[str, str] = {}
"""Pages made here, and the paths in the repository that they show."""

_log = logging.getLogger("mkdocs.hooks.site")
_FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2[`~]*\s*?$", re.M | re.S)
_LINK = re.compile(r"(\]\()([^)\s#]+)([^)]*\))")
_IMAGE = re.compile(r'<img alt="([^"]*)" src="([^"]+\.svg)"[^>]*>')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside ``docs/`` that a page leads to."""
    waiting = list(ALWAYS)
    for file in list(files.documentation_pages()):
        waiting += outside(origin(file.src_uri), file.content_string)
    while waiting:
        path = waiting.pop()
        if (uri := source(path)) in _ORIGINS:
            continue
        _ORIGINS[uri] = path
        text = page_of(path)
        files.append(File.generated(config, uri, content=text))
        waiting += outside(path, text)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links that leave ``docs/`` to the pages made for them."""
    here = page.file.src_uri
    if here.startswith("how-to/"):  # what somebody in a hurry looks for comes first
        page.meta["search"] = {"boost": 3}

    def lead(target: str) -> str:
        if not leaves(origin(here), target):
            return target
        path = absolute(origin(here), target)
        if not exists(path):
            _log.warning("%s links to %s, which is not in the repository", here, target)
            return target
        return posixpath.relpath(source(path), posixpath.dirname(here) or ".")

    return with_links(markdown, lead)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put drawings into the page, so that they take its colours."""

    def drawn(found: re.Match[str]) -> str:
        # MkDocs has made the address relative to the page that is written.
        uri = posixpath.normpath(posixpath.join(posixpath.dirname(page.url), found[2]))
        file = files.get_file_from_path(uri)
        if file is None:
            return found[0]
        drawing = file.content_string
        named = drawing.replace("<svg ", f'<svg role="img" aria-label="{found[1]}" ', 1)
        return f'<span class="drawing-frame">{named}</span>'

    return _IMAGE.sub(drawn, content)


def on_post_build(config: MkDocsConfig) -> None:
    """Remove the map for search engines: without an address of the site it is empty."""
    for name in ("sitemap.xml", "sitemap.xml.gz"):
        (Path(config.site_dir) / name).unlink(missing_ok=True)


def origin(uri: str) -> str:
    """Return where in the repository a page's text is from."""
    return _ORIGINS.get(uri, f"docs/{uri}")


def source(path: str) -> str:
    """Return the name of the page for a path in the repository, relative to ``docs/``."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    shown = re.sub(r"(^|/)\.", r"\1dot-", path)  # MkDocs leaves out what begins with a dot
    if (ROOT / path).is_dir():
        return f"repository/{shown}/index.md"
    return f"repository/{shown}" + ("" if path.endswith(".md") else ".md")


def page_of(path: str) -> str:
    """Return the page's text: a file as it is, a folder with its README and its files' names."""
    place = ROOT / path
    if place.is_dir():
        return folder_page(path)
    text = place.read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    language = LANGUAGES.get(place.suffix, "text")
    heading = f"---\ntitle: {place.name}\nsearch: {{exclude: true}}\n---\n\n# `{path}`\n\n"
    return f"{heading}{fence}{language}\n{text.rstrip()}\n{fence}\n"


def folder_page(path: str) -> str:
    """Return the page of a folder."""
    place = ROOT / path
    names = sorted(
        str(file.relative_to(place))
        for file in place.rglob("*")
        if file.is_file() and not SKIPPED & set(file.parts) and is_text(file)
    )
    readme = place / "README.md"
    names = [name for name in names if place / name != readme]
    text = readme.read_text(encoding="utf-8").rstrip() if readme.exists() else f"# `{path}`"
    return f"{text}\n\n**Files**\n\n" + "".join(f"- [{name}]({name})\n" for name in names)


def is_text(file: Path) -> bool:
    """Whether a page can show it."""
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def outside(path: str, text: str) -> Iterator[str]:
    """Yield the paths outside ``docs/`` that a text links to and that exist."""
    targets: list[str] = []

    def note(target: str) -> str:
        targets.append(target)
        return target

    with_links(text, note)
    for target in targets:
        if not leaves(path, target):
            continue
        there = absolute(path, target)
        if not there.startswith("docs/") and exists(there):
            yield there


def leaves(path: str, target: str) -> bool:
    """Whether a link is not from one page of ``docs/`` to another."""
    if re.match(r"[a-z]+:|/|<", target):
        return False
    return not (path.startswith("docs/") and absolute(path, target).startswith("docs/"))


def exists(path: str) -> bool:
    """Whether there is such a file or folder in the repository."""
    return not path.startswith("../") and (ROOT / path).exists()


def absolute(path: str, target: str) -> str:
    """Return a link's path from the root of the repository; a folder's README is the folder."""
    folder = path if (ROOT / path).is_dir() else posixpath.dirname(path)
    there = posixpath.normpath(posixpath.join(folder, target))
    return there.removesuffix("/README.md")


def with_links(text: str, change: Callable[[str], str]) -> str:
    """Change the target of every link outside of code blocks."""
    parts = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_links(text[end : fence.start()], change), fence[0]]
        end = fence.end()
    return "".join([*parts, _links(text[end:], change)])


def _links(text: str, change: Callable[[str], str]) -> str:
    return _LINK.sub(lambda m: f"{m[1]}{change(html.unescape(m[2]))}{m[3]}", text)
