"""One move that waits: what differs, what the evaluations say, and yes or no to exactly that."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import APPROVALS, EVALUATIONS, POLICIES, RELEASES
from promptrelease.console.acting import fetching
from promptrelease.console.acting.gates import gate
from promptrelease.console.acting.keeping import keeping
from promptrelease.console.acting.place import Place, field, place
from promptrelease.console.pages import approvals
from promptrelease.console.shown import difference, verdicts
from promptrelease.console.web import failures
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views.failures import Conflict, Failure, NotFound, UsageMistake
from promptrelease.views.move import moving, reviewing
from promptrelease.views.move.reviewing import Candidate

Json = dict[str, Any]

APPROVE, DENY = "approve", "deny"


@keeping
async def review(context: Context) -> Response:
    """Show what waits on a label, and take a decision about it."""
    at = place(context)
    if context.request.method == "POST":
        return await _decide(context, at)
    return await _show(context, at)


async def _decide(context: Context, at: Place) -> Response:
    form = await context.form()
    decision, comment = field(form, "decision"), field(form, "comment").strip()
    kube = context.kube
    release = await kube.get(RELEASES, at.prompt)
    try:
        if decision not in (APPROVE, DENY):
            raise UsageMistake("Neither yes nor no was said", "press one of the two buttons")
        if decision == DENY and not comment:
            raise UsageMistake("Say why not: whoever asked for it reads this")
        about = await _shown(context, at, release, field(form, "version"), field(form, "digest"))
        if decision == APPROVE:
            reviewing.check_eyes(about, context.person.name, await kube.list(POLICIES))
        made = reviewing.approval(about, decision, comment or None, context.person.name)
        await kube.create(APPROVALS, made)
    except Failure as failure:
        return await _show(context, at, failure, comment=comment)
    return context.go(at.path("progress", to=about.version))


async def _shown(
    context: Context, at: Place, release: Json, version: str, digest: str
) -> Candidate:
    """What waits, if it is what was on the page. Raises Conflict when it is not."""
    versions = await fetching.numbers(context.kube, at.prompt)
    try:
        about = reviewing.candidate(release, at.label, versions)
    except NotFound as gone:
        raise Conflict(f"It has changed since you looked: {gone}", "Nothing was decided") from gone
    if (str(about.version), about.digest) != (version, digest):
        raise Conflict(
            f"It has changed since you looked: v{about.version} waits now, with other content",
            "Nothing was decided. What waits now is below: look at it again.",
        )
    return about


async def _show(
    context: Context, at: Place, failure: Failure | None = None, *, comment: str = ""
) -> Response:
    kube = context.kube
    release, versions, policies = await asyncio.gather(
        kube.get(RELEASES, at.prompt), fetching.numbers(kube, at.prompt), kube.list(POLICIES)
    )
    served = moving.status(release, at.label)
    code = failures.status(failure) if failure is not None else 200
    try:
        about = reviewing.candidate(release, at.label, versions)
    except Failure as nothing:
        return context.page(
            "acting/decided.html",
            status=code if failure is not None else failures.status(nothing),
            at=at,
            failure=failure,
            nothing=nothing,
            comment=comment,
        )
    evaluations, said, why_not, may_deny = await asyncio.gather(
        kube.list(EVALUATIONS),
        approvals.decisions(context, about),
        approvals.why_not(context, about, policies),
        context.rights.approve(at.prompt, at.label),
    )
    old, new = versions.get(served.get("version", 0)), versions.get(about.version)
    parts = (
        await asyncio.to_thread(difference.between, old["spec"], new["spec"]) if old and new else []
    )
    exact = served["pending"]["waitingFor"]
    return context.page(
        "acting/review.html",
        status=code,
        at=at,
        failure=failure,
        about=about,
        serves=served.get("version"),
        reason=moving.wanted(release, at.label).get("reason", ""),
        old=old,
        new=new,
        parts=parts,
        gates=[gate(text, at.prompt, at.label, about.version) for text in exact],
        evaluations=verdicts.about(evaluations, at.prompt, [about.digest]),
        decisions=said,
        said=[it for it in said if it.by == context.person.name][-1:],
        why_not=why_not,
        may_deny=may_deny,
        warning=_warning(about, context, policies) if not why_not else "",
        comment=comment,
    )


def _warning(about: Candidate, context: Context, policies: list[Json]) -> str:
    """Where an approval would change nothing."""
    return reviewing.check_eyes(about, context.person.name, policies)


_ADDRESS = "/n/{namespace}/prompts/{prompt}/labels/{label}/review"

ROUTES = [Route(_ADDRESS, signed_in(review), methods=["GET", "POST"])]
