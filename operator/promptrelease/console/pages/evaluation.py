"""An evaluation: what was judged, beside what, and how it ended."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import EVALUATIONS, SUITES
from promptrelease.console.kube.client import Kube
from promptrelease.console.shown import asked, verdicts
from promptrelease.console.web.context import Context, signed_in
from promptrelease.release import wire_evaluation
from promptrelease.release.evaluation import Suite
from promptrelease.views.failures import Forbidden, NotFound


async def evaluation(context: Context) -> Response:
    """Show an evaluation; until it has ended, the page looks again by itself."""
    name = asked.object_name(context.request.path_params["evaluation"], "evaluation")
    raw = await context.kube.find(EVALUATIONS, name)
    if raw is None:
        raise NotFound(
            f"there is no evaluation {name} in {context.namespace}",
            "it may have been deleted to be run again, or its suite is gone",
        )
    found = verdicts.shown(raw)
    return context.page(
        "evaluation.html", evaluation=found, suite=await _suite(context.kube, found.suite)
    )


async def _suite(kube: Kube, name: str) -> Suite | None:
    """The suite as it is now; none where it is gone, or the person may not see it."""
    try:
        found = await kube.find(SUITES, name)
    except Forbidden:
        return None
    return None if found is None else wire_evaluation.suite(found)


ROUTES = [Route("/n/{namespace}/evaluations/{evaluation}", signed_in(evaluation))]
