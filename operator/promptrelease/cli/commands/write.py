"""The next version of a prompt: ``new``."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from promptrelease.api import PromptVersionSpec
from promptrelease.api.resources import RELEASES, VERSIONS
from promptrelease.cli.asking import interactive, read_file
from promptrelease.cli.check.findings import MISTAKE, WARNING
from promptrelease.cli.check.linting import lint
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.commands.move import carry_out
from promptrelease.cli.completing import Name
from promptrelease.cli.move.fetching import numbers
from promptrelease.cli.options import Output, Timeout, Wait, Yes, on_cluster
from promptrelease.cli.output import Format, emit, note, say
from promptrelease.release.judge import judge
from promptrelease.views import drafting
from promptrelease.views.failures import Conflict, Failure, NotFound, UsageMistake
from promptrelease.views.move import moving

Json = dict[str, Any]
Check = Callable[[str], tuple[list[str], Json]]
"""A draft to what is wrong with it, and what it says."""


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(on_cluster(new))


def new(
    cluster: Cluster,
    name: Name,
    text: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its text; - for input. No editor then.")
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Why this version exists.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Its name, or provider/name.")
    ] = None,
    set_parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Of the model; KEY= takes it away. Repeatable."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="VERSION", help="Where it begins. Default: the newest."),
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", "-e", help="In an editor, whatever else is given.")
    ] = False,
    label: Annotated[
        str | None,
        typer.Option("--label", "-l", metavar="LABEL", help="Then move this label to it."),
    ] = None,
    stage: Annotated[bool, typer.Option("--stage", help="The same as --label staging.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why the label moves. Default: the message."),
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Have the server try it, and create nothing.")
    ] = False,
    wait_: Wait = False,
    timeout: Timeout = 600,
    output: Output = Format.TEXT,
) -> None:
    """Create a prompt's next version, from the newest one.

    Opens $VISUAL or $EDITOR with a manifest, unless what changes is given by options. What is
    wrong is found before it is sent: the editor comes back with the mistakes, and nothing that was
    written is lost. With -o yaml or json it is printed and not created.
    """
    versions = numbers(cluster, name)
    number = max(versions, default=0) + 1
    base = max(versions, default=None)
    if from_ is not None:
        base = moving.number(from_, name, cluster.find(RELEASES, name), versions)
    given = drafting.spec(
        name,
        number,
        versions[base]["spec"] if base is not None else None,
        text=read_file(Path(text)) if text is not None else None,
        message=message,
        model=model,
        parameters=set_parameter or (),
    )
    made = drafting.manifest(given)
    check = _checker(cluster, made)
    draft: Path | None = None
    if edit or not (text or message or model or set_parameter):
        draft, made = _edited(drafting.draft(made, base), made["metadata"]["name"], check)
    else:
        if base is None and text is None:
            raise NotFound(
                f"there is no version of {name} yet, whose text could stay as it is",
                "give --text FILE, or no options at all to write it in an editor",
            )
        if not message:
            raise UsageMistake("--message is missing: say why this version exists")
        if mistakes := check(drafting.dump(made))[0]:
            # There is no draft whose lines would say anything.
            raise Failure(_listed(_LINE.sub("", m) for m in mistakes), "nothing is created")
    if output is Format.YAML:
        print(drafting.dump(made), end="")
        return
    if output is Format.JSON:
        emit(made, output)
        return
    _create(cluster, made, draft, dry_run=dry_run)
    label = "staging" if stage and not label else label
    if label and not dry_run:
        release = cluster.find(RELEASES, name)
        why = reason or made["spec"]["message"]
        move = moving.move(release, name, label, made["spec"]["version"], why)
        carry_out(cluster, release, move, yes, False, wait_, timeout, output)


def _create(cluster: Cluster, made: Json, draft: Path | None, *, dry_run: bool) -> None:
    """Send it; a draft stays where that fails."""
    name = made["metadata"]["name"]
    kept = f"your draft is {draft}" if draft else ""
    try:
        cluster.create(VERSIONS, made, dry_run=dry_run)
    except Conflict as error:
        hint = f"somebody else was first; look at it: kubectl prompt show {name}. {kept}"
        raise Conflict(f"{name} is there already", hint.strip()) from error
    except Failure as error:
        error.hint = "; ".join(part for part in (error.hint, kept) if part)
        raise
    if draft:
        draft.unlink()
        draft.parent.rmdir()
    if dry_run:
        say(f"dry run: the API server would take {name}; nothing is created")
        return
    say(f"created {name}", "green")


def _edited(text: str, name: str, check: Check) -> tuple[Path, Json]:
    """Have somebody edit a draft until nothing is wrong with it.

    Raises Failure when they give up; what they wrote stays in a file then.
    """
    if not interactive():
        raise UsageMistake(
            "there is no terminal for an editor",
            "give --text FILE, --model or --set-parameter, and --message",
        )
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    path = Path(tempfile.mkdtemp(prefix="kubectl-prompt-")) / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    before = text
    while True:
        try:
            code = subprocess.run([*editor, path]).returncode
            why = f"ended with exit code {code}" if code else ""
        except OSError as error:
            why = f"can't be started: {error.strerror}"
        if why:
            hint = f"your draft is {path}; set EDITOR to an editor that is there"
            raise Failure(f"the editor {shlex.join(editor)} {why}", hint)
        after = path.read_text(encoding="utf-8")
        written = drafting.without_mistakes(after)
        if written.strip() == drafting.without_mistakes(text).strip() or not written.strip():
            path.unlink()
            path.parent.rmdir()
            raise Failure("nothing is created: the draft is as it was")
        mistakes, made = check(after)
        if not mistakes:
            path.write_text(written, encoding="utf-8")
            return path, made
        if after == before:
            hint = f"nothing is created; your draft is {path}"
            raise Failure(_listed(mistakes), hint)
        # Its own lines move the others down, and the mistakes say lines: as they will be.
        shown = drafting.with_mistakes(after, mistakes)
        before = drafting.with_mistakes(after, check(shown)[0])
        path.write_text(before, encoding="utf-8")


def _checker(cluster: Cluster, made: Json) -> Check:
    """What looks at drafts of one version; what they include is read from the cluster."""
    expected = made["metadata"]["name"]
    known: dict[tuple[str, int], PromptVersionSpec | None] = {}

    def look_up(prompt: str, number: int) -> PromptVersionSpec | None:
        if (prompt, number) not in known:
            obj = cluster.find(VERSIONS, f"{prompt}-v{number}")
            try:
                spec = PromptVersionSpec.model_validate(obj["spec"]) if obj else None
            except ValidationError:
                spec = None
            known[prompt, number] = spec
        return known[prompt, number]

    def check(text: str) -> tuple[list[str], Json]:
        findings, places = lint({expected: text})
        mistakes = [
            f"line {f.line}: {f.message}"
            for f in findings
            if f.level == MISTAKE and not f.message.startswith("IncludeMissing")
        ]
        names = [place.manifest.model.metadata.name for place in places]
        if names != [expected] and not mistakes:
            mistakes.append(f"it must be {expected}, and nothing else")
        if mistakes:
            return mistakes, {}
        raw = places[0].manifest.raw
        spec = PromptVersionSpec.model_validate(raw["spec"])
        verdict = judge(spec, look_up).verdict
        wrong = [f"{problem.reason}: {problem.message}" for problem in verdict.problems]
        if not wrong:
            _warn(f.message for f in findings if f.level == WARNING and "include" not in f.message)
        return wrong, raw

    return check


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        note(f"warning: {warning}", "yellow")


_LINE = re.compile(r"^line \d+: ")


def _listed(mistakes: Iterable[str]) -> str:
    return "\n".join(mistakes)
