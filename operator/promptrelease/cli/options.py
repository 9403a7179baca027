"""Options that many commands share, and the wrapping that turns them into a cluster."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from promptrelease.cli.cluster import Cluster
from promptrelease.cli.output import Format

Command = TypeVar("Command", bound=Callable[..., Any])

Output = Annotated[
    Format, typer.Option("--output", "-o", help="For people, or for scripts.", show_choices=True)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is done.")]
Wait = Annotated[
    bool, typer.Option("--wait", "-w", help="Stay until it is served, in the last pod.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait at most.")
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", "-m", metavar="TEXT", help="Why; it goes into the log."),
]

_PANEL = "Cluster"
_PARAMETERS = [
    inspect.Parameter(
        "namespace",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Option(
                "--namespace", "-n", help="Default: the context's.", rich_help_panel=_PANEL
            ),
        ],
    ),
    inspect.Parameter(
        "context",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Option("--context", help="Of the kubeconfig.", rich_help_panel=_PANEL),
        ],
    ),
    inspect.Parameter(
        "kubeconfig",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Option(
                "--kubeconfig", help="Default: $KUBECONFIG, ~/.kube/config.", rich_help_panel=_PANEL
            ),
        ],
    ),
]


def on_cluster(command: Command) -> Command:
    """Give a command whose first parameter is a Cluster the options to find one.

    The command itself says what else it takes, as any of Typer's.
    """
    signature = inspect.signature(command, eval_str=True)
    _cluster, *others = signature.parameters.values()

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        where = {p.name: given.pop(p.name) for p in _PARAMETERS}
        return command(Cluster(**where), **given)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others]
    hints = {p.name: p.annotation for p in (*parameters, *_PARAMETERS)}
    vars(wrapped).pop("__wrapped__", None)  # Typer would look through it
    wrapped.__signature__ = signature.replace(parameters=[*parameters, *_PARAMETERS])  # type: ignore[attr-defined]
    wrapped.__annotations__ = hints
    return wrapped  # type: ignore[return-value]
