"""Where a real suite asks its provider. This one asks a stand-in, which needs no network.

A real ``complete`` is a few lines, such as::

    client = openai.OpenAI()

    def complete(prompt, **variables):
        answer = client.responses.create(
            model=prompt.model.name,
            temperature=prompt.model.parameters["temperature"],
            max_output_tokens=prompt.model.parameters["maxTokens"],
            input=prompt.compile(**variables),
        )
        return answer.output_text

The stand-in knows three tasks, and does what the prompt tells it to, by rules and word lists: it
keeps the urgency of a ticket if it is told to say how urgent it is, names the queues that it is
given, stops after so many words, promises what it is not forbidden to promise. It understands no
more than that, and says the same thing each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from promptrelease import Prompt

URGENT = ("is down", "are down", "today", "tonight", "tomorrow", "right now", "nobody can")
FEELINGS = {
    "angry": ("unacceptable", "angry", "furious", "fed up"),
    "worried": ("worried", "afraid", "nervous"),
    "pleased": ("thank you", "love", "great"),
}
QUEUES = {
    "billing": ("charged", "invoice", "refund", "card"),
    "delivery": ("arrived", "parcel", "shipped", "tracking", "delivered"),
    "technical": ("error", "log in", "crashes", "is down", "page stays"),
}
ORDER = re.compile(r"\border (\d+)", re.IGNORECASE)


def complete(prompt: Prompt, **variables: Any) -> str:
    """What the model answers."""
    asked, given = _parts(prompt.compile(**variables))
    if "summarize" in asked:
        answer = _summarize(asked, given["Ticket"])
    elif "route" in asked and prompt.output is not None:
        answer = _route(asked, given["Summary"], prompt.output)
    elif "reply" in asked:
        answer = _reply(asked, json.loads(given["Route"]), given["Ticket"])
    else:
        answer = "I can only summarize, route or reply."
    return " ".join(answer.split()[: prompt.model.parameters.get("maxTokens")])


def _parts(compiled: str | list[dict[str, str]]) -> tuple[str, dict[str, str]]:
    """The instructions, in lower case, and what is given below lines such as ``Ticket:``."""
    if not isinstance(compiled, str):
        compiled = "\n".join(message["content"] for message in compiled)
    asked, *rest = re.split(r"^([A-Z][a-z]+):\n", compiled, flags=re.MULTILINE)
    given = {name: text.strip() for name, text in zip(rest[::2], rest[1::2], strict=True)}
    return " ".join(asked.lower().split()), given


def _summarize(asked: str, ticket: str) -> str:
    wants_urgency, wants_feeling = "urgent" in asked, "feels" in asked
    limit = _limit(asked)
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", ticket):
        urgent, feeling = _holds(sentence, URGENT), _feeling(sentence) != "calm"
        if (urgent and not wants_urgency) or (feeling and not wants_feeling):
            continue
        if len(" ".join([*kept, sentence]).split()) <= limit:
            kept.append(sentence)
    return " ".join(kept)


def _route(asked: str, summary: str, output: Mapping[str, Any]) -> str:
    hits = {
        queue: sum(word in summary.lower() for word in words)
        for queue, words in QUEUES.items()
        if queue in asked
    }
    queue = max(hits, key=lambda name: hits[name], default="other")
    answers = {
        "queue": queue if hits.get(queue) else "other",
        "urgency": "high" if "urgency" in asked and _holds(summary, URGENT) else "normal",
        "sentiment": _feeling(summary) if "sentiment" in asked else "calm",
    }
    return json.dumps({name: answers.get(name, "") for name in output.get("properties", ())})


def _reply(asked: str, route: Mapping[str, str], ticket: str) -> str:
    parts = ["Hello,"]
    if "sorry" in asked and route.get("sentiment") in ("angry", "worried"):
        parts.append("we are sorry for the trouble.")
    order = ORDER.search(ticket)
    about = f"order {order[1]}" if order and "order" in asked else "your message"
    parts.append(f"We are looking at {about} and come back to you.")
    if "never promise" not in asked:
        parts.append("You will get a refund.")
    if "sign" in asked:
        parts.append(f"Your {route.get('queue', 'support')} team")
    return " ".join(parts)


def _limit(asked: str) -> int:
    found = re.search(r"at most (\d+) words", asked)
    return int(found[1]) if found else 1000


def _feeling(text: str) -> str:
    return next((name for name, words in FEELINGS.items() if _holds(text, words)), "calm")


def _holds(text: str, words: Iterable[str]) -> bool:
    return any(word in text.lower() for word in words)
