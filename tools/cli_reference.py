"""Write the reference in docs/cli.md from the command line itself.

python tools/cli_reference.py           write it
python tools/cli_reference.py --check   write nothing; exit code 1 when it is stale
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from promptrelease.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
BEGIN = "<!-- Written by tools/cli_reference.py from the command line itself. -->\n"
END = "<!-- To here. -->\n"
SHARED = {"namespace", "context", "kubeconfig", "output", "help"}
"""Options that the page tells of once."""


def main() -> int:
    """Run it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{PAGE.name} has no place for it, between\n{BEGIN}{END}", file=sys.stderr)
        return 1
    made = f"{before}{BEGIN}\n{reference()}\n{END}{after}"
    if made == page:
        return 0
    if options.check:
        print(f"stale: {PAGE.name}; run python tools/cli_reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(made, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


def reference() -> str:
    """Markdown: a section for each command, in the order of ``--help``."""
    group: Any = typer.main.get_command(app())
    return "\n".join(line for name, one in group.commands.items() for line in _section(name, one))


def _section(name: str, command: Any) -> Iterator[str]:
    shown = [p for p in command.params if not p.hidden and p.name not in SHARED]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    usage = " ".join(["kubectl prompt", name, *map(_argument, arguments)])
    yield f"### {name}\n"
    yield f"```sh\n{usage}{' [OPTIONS]' if options else ''}\n```\n"
    yield " ".join(part.strip() for part in _text(command.help).split("\n") if part.strip()) + "\n"
    rows = [(f"`{_argument(p)}`", p.help or "") for p in arguments if getattr(p, "help", None)]
    rows += [(_option(p), p.help or "") for p in options]
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| {left} | {_cell(right)} |" for left, right in rows)
        yield ""


def _text(text: str | None) -> str:
    return (text or "").replace("\f", "")


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name.upper())
    if not param.required and not name.startswith("["):
        return f"[{name}]"
    return name


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(param.opts, key=len, reverse=True))
    if param.secondary_opts:
        names += f", `{param.secondary_opts[0]}`"
    if param.is_flag:
        return names
    default = param.default
    value = param.metavar or ("" if isinstance(default, enum.Enum) else param.name.upper())
    if isinstance(default, enum.Enum):
        value = " ".join(f"`{choice.value}`" for choice in type(default))
        default = default.value
    told = f" (`{default:g}`)" if isinstance(default, float) else f" (`{default}`)"
    return f"{names} {value}" + ("" if default in (None, "", ()) or param.required else told)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
