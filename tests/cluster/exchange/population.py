"""200 prompts with 1,000 versions, as Langfuse and MLflow keep them; the same in every run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

PROMPTS = 200
VERSIONS = 5
MODELS = ("gpt-4.1-2025-04-14", "claude-sonnet-4-5-20250929", "gemini-2.5-flash")
TOPICS = ("invoice", "delivery", "login", "refund", "outage", "contract")
PEOPLE = ("ada", "grace", "edsger", "barbara")
TOOL = {
    "name": "lookup_order",
    "description": "State of an order",
    "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
}
OUTPUT = {"type": "object", "properties": {"queue": {"type": "string"}}, "required": ["queue"]}


@dataclass(frozen=True)
class Source:
    """One version, in words that neither system owns.

    Attributes:
        template: a text, or ``[(role, text)]``; variables are ``{{name}}``.
        labels: that point at it.

    """

    name: str
    number: int
    template: str | list[tuple[str, str]]
    model: str
    temperature: float
    max_tokens: int
    message: str
    author: str
    labels: tuple[str, ...] = ()
    tools: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] | None = None


def population(prompts: int = PROMPTS, versions: int = VERSIONS) -> list[Source]:
    """Every version, by prompt and number; a third of the prompts are chats."""
    made = []
    for at in range(prompts):
        chance = random.Random(at)
        topic = chance.choice(TOPICS)
        served = chance.randint(1, versions)
        for number in range(1, versions + 1):
            text = (
                f"Summarize the {topic} ticket in {number} sentences for {{{{ company }}}}.\n\n"
                f'Ticket:\n{{{{ticket}}}}\n\nAnswer as {{"summary": "..."}}. 日本語 too. 🙂'
            )
            is_chat = at % 3 == 2
            made.append(
                Source(
                    name=f"{topic}_Summary.{at}",
                    number=number,
                    template=[("system", f"Be brief ({number})."), ("user", text)]
                    if is_chat
                    else text,
                    model=chance.choice(MODELS),
                    temperature=round(chance.random(), 2),
                    max_tokens=chance.randint(50, 500),
                    message=f"Try {number} for {topic}: it's shorter",
                    author=chance.choice(PEOPLE),
                    labels=(
                        *(["production"] if number == served else []),
                        *(["staging"] if number == versions else []),
                    ),
                    tools=[TOOL] if at % 5 == 0 else [],
                    output=OUTPUT if at % 7 == 0 else None,
                )
            )
    return made
