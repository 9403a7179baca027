"""Writing versions: the next one of a prompt, or the first of a new one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api import PromptVersionSpec
from promptrelease.api.resources import RELEASES, VERSIONS
from promptrelease.console.acting import checking, drafts, fetching
from promptrelease.console.acting.checking import Checked
from promptrelease.console.acting.drafts import Draft, Variable
from promptrelease.console.acting.keeping import keeping
from promptrelease.console.acting.place import Place, field, is_name, place, version_number
from promptrelease.console.shown import difference
from promptrelease.console.web import failures
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views import drafting
from promptrelease.views.failures import Conflict, Failure, NotFound, UsageMistake
from promptrelease.views.move import moving

Json = dict[str, Any]

STAGING = "staging"
FIRST = Draft(
    prompt="",
    text="Say what the model shall do with {{input}}.\n",
    variables={"input": Variable("string", "what the caller gives")},
    temperature="0.2",
)


@dataclass(frozen=True)
class Base:
    """What a draft begins with.

    Attributes:
        versions: of the prompt; none for a first one.
        spec: of the version that it begins with; none for a first one.

    """

    versions: Mapping[int, Json]
    spec: Json | None = None

    @property
    def variables(self) -> Mapping[str, Any]:
        """Its contract with who calls it."""
        return (self.spec or {}).get("variables") or {}

    @property
    def next(self) -> int:
        """The number that is free."""
        return max(self.versions, default=0) + 1


@keeping
async def edit(context: Context) -> Response:
    """A next version, from another one."""
    at = place(context)
    if context.request.method == "POST":
        form = await context.form()
        base = await _base(context, at, version_number(field(form, "from")))
        draft = drafts.from_form(form, at.prompt, base.spec["version"] if base.spec else 0)
        return await _sent(context, at, draft, base, str(form.get("do", "")))
    base = await _base(context, at, version_number(context.request.query_params.get("from", "")))
    if base.spec is None:
        raise NotFound(f"there is no prompt {at.prompt} here", "begin a new one")
    return await _show(context, at, drafts.from_spec(base.spec, base.next), base)


@keeping
async def begin(context: Context) -> Response:
    """A first version of a new prompt, and its first label."""
    at = Place(context.namespace, "")
    if context.request.method != "POST":
        return await _show(context, at, FIRST, Base({}))
    form = await context.form()
    draft = replace(drafts.from_form(form, "", 0), number=1)
    return await _sent(context, at, draft, Base({}), str(form.get("do", "")))


async def check(context: Context) -> Response:
    """What is wrong with a draft, as one types: the part of the page that says so."""
    first = "prompt" not in context.request.path_params
    form = await context.form()
    if first:
        draft, base = drafts.from_form(form, "", 0), Base({})
    else:
        at = place(context)
        base = await _base(context, at, version_number(field(form, "from")))
        draft = drafts.from_form(form, at.prompt, base.spec["version"] if base.spec else 0)
    checked = await _checked(context, draft, base)
    return context.page("acting/checked.html", checked=checked, typing=True)


async def _sent(context: Context, at: Place, draft: Draft, base: Base, do: str) -> Response:
    if do not in ("create", "preview"):
        return await _show(context, at, drafts.pressed(draft, do), base, quiet=True)
    checked = await _checked(context, draft, base)
    if do == "preview" or checked.spec is None:
        return await _show(context, at, draft, base, checked=checked, previewed=do == "preview")
    try:
        _look_at_variables(draft, checked)
        if not at.prompt and not is_name(draft.prompt):
            raise UsageMistake("The prompt needs a name: lower-case letters, digits and dashes")
        if draft.number in base.versions:
            raise _taken(draft, base)
        await _create(context, checked.spec)
    except Failure as failure:
        if isinstance(failure, Conflict):
            base = await _again(context, draft, base)
            failure = _taken(draft, base)
            draft = replace(draft, number=base.next) if at.prompt else draft
        return await _show(context, at, draft, base, failure, checked=checked)
    return await _next_step(context, draft, first=not at.prompt)


async def _create(context: Context, spec: Json) -> None:
    """As a dry run first, so that a refusal leaves nothing behind."""
    made = drafting.manifest(spec)
    await context.kube.create(VERSIONS, made, dry_run=True)
    await context.kube.create(VERSIONS, made)


async def _next_step(context: Context, draft: Draft, *, first: bool) -> Response:
    """To where it is tried; a new prompt begins there at once, where that is allowed."""
    kube = context.kube
    release = await kube.find(RELEASES, draft.prompt)
    at = Place(context.namespace, draft.prompt, trial(release))
    if first and release is None and await context.rights.promote(draft.prompt, at.label):
        move = moving.move(None, draft.prompt, at.label, draft.number, draft.message.strip())
        try:
            await kube.create(RELEASES, moving.first(move, context.person.name))
            return context.go(at.path("progress", to=draft.number))
        except Failure:
            pass  # the page that comes says why
    return context.go(at.path("promote", to=draft.number, created=1))


def trial(release: Json | None) -> str:
    """The label on which a new version is tried: staging, or what comes nearest to it."""
    labels = sorted(((release or {}).get("spec") or {}).get("labels") or {})
    others = [label for label in labels if label not in moving.ALWAYS_ASKED]
    return STAGING if STAGING in labels or not others else others[0]


async def _base(context: Context, at: Place, number: int | None) -> Base:
    versions = await fetching.numbers(context.kube, at.prompt)
    if not versions:
        return Base({})
    if number is not None and number not in versions:
        raise NotFound(f"there is no v{number} of {at.prompt}", f"the newest is v{max(versions)}")
    return Base(versions, versions[number if number is not None else max(versions)]["spec"])


async def _again(context: Context, draft: Draft, base: Base) -> Base:
    """The versions as they are now; the draft still begins with the one that it began with."""
    return Base(await fetching.numbers(context.kube, draft.prompt), base.spec)


def _taken(draft: Draft, base: Base) -> Conflict:
    by_whom = base.versions.get(draft.number, {})
    said = (by_whom.get("spec") or {}).get("message", "")
    if draft.base:
        return Conflict(
            f"v{draft.number} was created by somebody else meanwhile"
            + (f": {said}" if said else ""),
            f"nothing of yours is lost: it would be v{base.next} now. See whether it still fits",
        )
    return Conflict(
        f"There is a prompt {draft.prompt} already" + (f": {said}" if said else ""),
        "give yours another name, or write the next version of that one",
    )


def _look_at_variables(draft: Draft, checked: Checked) -> None:
    """Raise UsageMistake where the text uses variables that nobody has been shown yet."""
    unseen = [row.name for row in checked.rows if row.name not in draft.variables]
    if unseen:
        raise UsageMistake(
            f"The text uses {', '.join(unseen)}, which was not in the table of variables yet",
            "see below whether that is right, then create it",
        )


async def _checked(context: Context, draft: Draft, base: Base) -> Checked:
    """A draft looked at, with what it includes read from the cluster."""
    try:
        includes = json.loads(draft.includes) if draft.includes.strip() else {}
        found = await fetching.included(context.kube, [{"spec": {"includes": includes}}])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        found = []  # it is not written right, and is told so
    specs: dict[tuple[str, int], PromptVersionSpec] = {}
    for it in found:
        try:
            spec = PromptVersionSpec.model_validate(it["spec"])
        except ValidationError:
            continue
        specs[spec.prompt, spec.version] = spec
    return await asyncio.to_thread(
        checking.check,
        draft,
        base.variables,
        lambda prompt, number: specs.get((prompt, number)),
        first=base.spec is None,
    )


async def _show(
    context: Context,
    at: Place,
    draft: Draft,
    base: Base,
    failure: Failure | None = None,
    *,
    checked: Checked | None = None,
    previewed: bool = False,
    quiet: bool = False,
) -> Response:
    """The form. ``quiet``: nobody has asked what is wrong yet."""
    untouched = checked is None
    if checked is None:
        checked = await _checked(context, draft, base)
    parts: Sequence[difference.Shown] = ()
    if previewed and checked.spec is not None and base.spec is not None:
        parts = await asyncio.to_thread(difference.between, base.spec, checked.spec)
    wrong = checked.spec is None and not untouched
    code = failures.status(failure) if failure is not None else 422 if wrong else 200
    may = await context.rights.create_version()
    return context.page(
        "acting/editor.html",
        status=code,
        at=at,
        draft=draft,
        base=base,
        failure=failure,
        checked=checked,
        told=not untouched,
        quiet=quiet,
        previewed=previewed and checked.spec is not None,
        parts=parts,
        may=may,
        roles=drafts.ROLES,
        placeholder=drafts.PLACEHOLDER,
        manifest=drafting.dump(drafting.manifest(checked.spec)) if checked.spec else "",
    )


_ADDRESS = "/n/{namespace}/prompts/{prompt}/new"

ROUTES = [
    Route(_ADDRESS, signed_in(edit), methods=["GET", "POST"]),
    Route(f"{_ADDRESS}/check", signed_in(check), methods=["POST"]),
    Route("/n/{namespace}/new", signed_in(begin), methods=["GET", "POST"]),
    Route("/n/{namespace}/new/check", signed_in(check), methods=["POST"]),
]
