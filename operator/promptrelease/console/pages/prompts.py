"""All prompts of a namespace: searched, filtered, sorted; and how many moves wait for approval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode
from weakref import WeakKeyDictionary

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from promptrelease.console.kube.client import SignedOut
from promptrelease.console.kube.feed import Feed
from promptrelease.console.listing.board import ORDERS, SHOWN, Asked, Board
from promptrelease.console.listing.row import Row
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views.failures import Failure

LONGEST = 200
"""Characters of a search that are looked at."""

SOON = 1.0
"""Seconds that the list waits for prompts still to be read before it shows those that were."""

_boards: WeakKeyDictionary[Feed, Board] = WeakKeyDictionary()


@dataclass(frozen=True)
class Query:
    """What the address asks for: its parameters ``q``, ``state``, ``sort`` and ``page``."""

    namespace: str
    q: str = ""
    state: str = ""
    order: str = "name"
    page: int = 1

    @staticmethod
    def of(request: Request, namespace: str) -> Query:
        """Read it; what makes no sense is left out."""
        given = request.query_params
        state, order, page = given.get("state", ""), given.get("sort", ""), given.get("page", "")
        return Query(
            namespace,
            given.get("q", "").strip()[:LONGEST],
            state if state in SHOWN else "",
            order if order in ORDERS else "name",
            int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def url(self, **changed: str | int) -> str:
        """Address of the same with another ``state``, ``sort`` or ``page``."""
        if "sort" in changed:
            changed["order"] = changed.pop("sort")
        its = replace(self, **changed)  # type: ignore[arg-type]
        parameters = {
            "q": its.q,
            "state": its.state,
            "sort": its.order if its.order != "name" else "",
            "page": its.page if its.page > 1 else "",
        }
        told = urlencode({name: value for name, value in parameters.items() if value})
        path = f"/n/{quote(self.namespace, safe='')}/prompts"
        return f"{path}?{told}" if told else path

    def page_url(self, number: int) -> str:
        """Address of another page."""
        return self.url(page=number)

    @property
    def asked(self) -> Asked:
        """The same for a board."""
        return Asked(tuple(self.q.casefold().split()), self.state, self.order)


async def prompts(context: Context) -> Response:
    """The list; for htmx what was found alone, or nothing when that is what is shown already."""
    feed = await context.console.feeds.of(context.kube, SOON, partly=True)
    query = Query.of(context.request, context.namespace)
    page = await board(feed).page(query.asked, query.page)
    seen = context.request.headers.get("x-seen")
    if context.is_fragment and seen == page.tag and feed.complete and not feed.behind:
        return Response(status_code=204)
    may_write = await context.rights.create_version()
    return context.page(
        "prompts.html",
        part=context.is_fragment,
        polled=bool(seen),
        asked=replace(query, page=page.number),
        page=page,
        rows=[_html(context, row) for row in page.rows],
        partial=not feed.complete,
        behind=feed.behind,
        may_write=may_write,
    )


async def waiting(context: Context) -> Response:
    """How many moves wait for an approval, for the head of every page; empty when none does."""
    try:
        feed = await context.console.feeds.of(context.kube, SOON, partly=True)
    except SignedOut:
        raise
    except Failure:
        return HTMLResponse("")  # the page itself says what is wrong
    its = board(feed)
    await its.catch_up()
    count = its.waiting
    if not count:
        return HTMLResponse("")
    told = "move waits" if count == 1 else "moves wait"
    return HTMLResponse(
        f' <span class="count">{count}<span class="hidden"> {told} for approval</span></span>'
    )


async def home(context: Context) -> Response:
    """To the prompts of the namespace that the console was set up for."""
    return RedirectResponse(f"/n/{quote(context.namespace, safe='')}/prompts", status_code=303)


def board(feed: Feed) -> Board:
    """The lines of a feed; made when they are asked for first."""
    if feed not in _boards:
        _boards[feed] = Board(feed)
    return _boards[feed]


def _html(context: Context, row: Row) -> Markup:
    if not row.html:
        template = context.console.templates.get_template("parts/row.html")
        row.html.append(Markup(template.render(row=row, place=context.namespace)))  # noqa: S704
    return row.html[0]


ROUTES: list[BaseRoute] = [
    Route("/", signed_in(home)),
    Route("/n/{namespace}/prompts", signed_in(prompts)),
    Route("/n/{namespace}/waiting", signed_in(waiting)),
]
