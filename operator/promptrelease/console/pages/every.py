"""The routes of all pages; where two match, the first answers."""

from __future__ import annotations

from starlette.routing import BaseRoute

from promptrelease.console.pages import (
    approvals,
    compare,
    editor,
    evaluation,
    graph,
    history,
    namespaces,
    progress,
    promote,
    prompt,
    prompts,
    review,
    rollback,
    version,
    withdraw,
)

ALL: list[BaseRoute] = [
    *prompts.ROUTES,
    *namespaces.ROUTES,
    *prompt.ROUTES,
    *version.ROUTES,
    *compare.ROUTES,
    *history.ROUTES,
    *graph.ROUTES,
    *evaluation.ROUTES,
    *approvals.ROUTES,
    *editor.ROUTES,
    *progress.ROUTES,
    *promote.ROUTES,
    *review.ROUTES,
    *rollback.ROUTES,
    *withdraw.ROUTES,
    # *prompts.ROUTES: a module of pages, a line here, and its import above.
]
