"""What runs beside the real clients: ``python -m cluster.exchange.clients < COMMANDS``.

Commands are a list of ``{"import", "location", "folder", "select"?}`` and ``{"export", "location",
"objects", "move"?}``, whose first value is the system. Each is answered by what came of it.
"""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptrelease.exchange import Options, export_to, import_from, write

Json = dict[str, Any]


def main() -> None:
    """Run the commands on stdin, one after the other."""
    warnings.simplefilter("ignore", FutureWarning)
    commands: list[Json] = json.load(sys.stdin)
    json.dump([_import(c) if "import" in c else _export(c) for c in commands], sys.stdout)


def _import(command: Json) -> Json:
    select = tuple(command.get("select", ()))
    options = Options(location=command["location"], provider="openai", select=select)
    imported = import_from(command["import"], options)
    done = write(Path(command["folder"]), imported)
    return {
        "source": imported.source,
        "prompts": [asdict(prompt) for prompt in imported.prompts],
        "report": [str(entry) for entry in imported.report],
        "created": len(done.created),
        "changed": len(done.changed),
        "unchanged": len(done.unchanged),
        "conflicts": [str(entry) for entry in done.conflicts],
    }


def _export(command: Json) -> Json:
    options = Options(location=command["location"], move=command.get("move", False))
    done = export_to(command["export"], command["objects"], options)
    return {
        "created": done.created,
        "unchanged": done.unchanged,
        "report": [str(entry) for entry in done.report],
    }


if __name__ == "__main__":
    main()
