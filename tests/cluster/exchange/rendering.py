"""What the real libraries make of a template: ``python -m cluster.exchange.rendering < CASES``.

A case is ``{"system", "source", "values"}``. The source is a body for Langfuse, arguments of
``register_prompt`` for MLflow, the text of a file for Dotprompt and Prompty. Each answer is a list
of ``[role, text]``, the role of a text prompt being empty; or ``{"error"}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

HISTORY = "<history>"
"""What a placeholder is filled with: one message of the user's."""

Messages = list[list[str]]


def main() -> None:
    """Answer all cases on stdin."""
    answers: list[Any] = []
    for case in json.load(sys.stdin):
        try:
            answers.append(RENDER[case["system"]](case["source"], case["values"]))
        except Exception as error:
            answers.append({"error": f"{type(error).__name__}: {error}"})
    json.dump(answers, sys.stdout)


def _langfuse(body: Any, values: dict[str, str]) -> Messages:
    from langfuse.api import Prompt_Chat, Prompt_Text
    from langfuse.model import ChatPromptClient, TextPromptClient

    row = {"version": 1, "labels": [], "tags": [], **body}
    if body["type"] == "text":
        return [["", str(TextPromptClient(Prompt_Text(**row)).compile(**values))]]
    history = {"conversation": [{"role": "user", "content": HISTORY}]}
    made: list[Any] = ChatPromptClient(Prompt_Chat(**row)).compile(**values, **history)
    return [[message["role"], message["content"]] for message in made]


def _mlflow(arguments: Any, values: dict[str, str]) -> Messages:
    from mlflow.entities.model_registry import PromptVersion

    prompt = PromptVersion(name="p", version=1, template=arguments["template"])
    made: Any = prompt.format(**values)
    if isinstance(made, str):
        return [["", made]]
    return [[message["role"], message["content"]] for message in made]


def _dotprompt(text: str, values: dict[str, str]) -> Messages:
    runtime = import_module("dotpromptz.dotprompt").Dotprompt()
    kinds = import_module("dotpromptz.typing")

    history = [kinds.Message(role=kinds.Role.USER, content=[kinds.TextPart(text=HISTORY)])]
    messages = history if "{{history}}" in text else None
    made = asyncio.run(runtime.render(text, kinds.DataArgument(input=values, messages=messages)))
    return [
        [str(message.role.value), "".join(part.text for part in message.content)]
        for message in made.messages
    ]


def _prompty(text: str, values: dict[str, str]) -> Messages:
    prompty = import_module("prompty")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.prompty"
        path.write_text(text, encoding="utf-8")
        agent = prompty.load(str(path))
    history = [prompty.Message(role="user", parts=[prompty.TextPart(value=HISTORY)])]
    made = prompty.prepare(agent, inputs={**values, "conversation": history})
    return [[message.role, "".join(part.value for part in message.parts)] for message in made]


RENDER: dict[str, Callable[[Any, dict[str, str]], Messages]] = {
    "langfuse": _langfuse,
    "mlflow": _mlflow,
    "dotprompt": _dotprompt,
    "prompty": _prompty,
}

if __name__ == "__main__":
    main()
