"""Two versions side by side and in one, word by word."""

from __future__ import annotations

from console.conftest import Bind, Browse
from console.shop import Kubectl, at, harmless, texts, tickets
from harness.api import VERSIONS, Api, version

P = "ticket-router"


def test_all_that_differs_and_nothing_else(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind
) -> None:
    tickets(api, kubectl, P)
    bind("frank", "viewer")
    page = harmless(browse("frank").get(at(api, f"prompts/{P}/compare?from=1&to=2")))
    assert page.status == 200
    parts = {part.find("h3").text: part for part in page.all("section", class_="change")}
    assert {
        "Message 1, system",
        "Model: name",
        "Model parameter: maxTokens",
        "Variable: queues",
        "Tool: lookup_order",
        "Shape of the answer",
    } <= parts.keys()
    assert "Model: provider" not in parts
    name = parts["Model: name"]
    assert name.find("del").text == "before: gpt-4.1-mini-2025-04-14"
    assert name.find("ins").text == "now: gpt-4.1-2025-04-14"
    assert "new in v2" in parts["Variable: queues"].text
    # Whoever can't see colours is told.
    for it in page.all("del") + page.all("ins"):
        assert it.find("span", class_="hidden").text.startswith(
            ("removed:", "added:", "before:", "now:")
        )


def test_both_texts_are_there_to_the_word(api: Api, kubectl: Kubectl, browse: Browse) -> None:
    tickets(api, kubectl, P)
    page = browse("admin").get(at(api, f"prompts/{P}/compare?from=2&to=3&view=unified"))
    assert not page.all(class_="beside")
    part = page.find("section", class_="change")
    lines = part.all("div", class_="line")
    for number, absent in ((2, "ins"), (3, "del")):
        spec = api.get(VERSIONS, f"{P}-v{number}")["spec"]
        words = []
        for line in lines:
            for piece in line.content:
                if isinstance(piece, str):
                    words.append(piece)
                elif piece.tag != absent:
                    words += [it for it in piece.content if isinstance(it, str)]
            words.append("\n")
        assert "".join(words).split() == spec["messages"][0]["content"].split()
    beside = page.follow("Side by side")
    assert not beside.all(class_="line")
    cells = beside.find(class_="beside").find("tbody").all("tr")[-1].all("td")
    assert "nothing here in v2" in cells[0].text
    assert "so in the reason" in cells[1].text


def test_long_stretches_that_are_the_same_are_folded(api: Api, browse: Browse) -> None:
    lines = [f"Rule {i} says that." for i in range(60)]
    api.create(version("rules", 1, text="\n".join(lines)))
    lines[30] = "Rule 30 says this."
    api.create(version("rules", 2, text="\n".join(lines)))
    page = browse("admin").get(at(api, "prompts/rules/compare?from=1&to=2"))
    unified = page.find("div", class_="diff")
    assert texts(it.find("summary") for it in unified.all("details")) == [
        "27 lines the same",
        "26 lines the same",
    ]
    assert texts(unified.all("del")) == ["removed: that. (end)"]
    assert texts(unified.all("ins")) == ["added: this. (end)"]
    assert "Rule 59 says that." in unified.all("details")[1].text
    assert page.all(class_="if-wide")
    assert page.all(class_="if-narrow")


def test_two_that_behave_the_same(api: Api, browse: Browse) -> None:
    for number in (1, 2):
        api.create(version("same", number, text="equal", message=f"try {number}"))
    page = browse("admin").get(at(api, "prompts/same/compare?from=1&to=2"))
    assert page.find("section", class_="empty").find("h2").text == "They behave the same"


def test_what_can_not_be_compared(api: Api, browse: Browse) -> None:
    api.create(version("same", 1))
    browser = browse("admin")
    for query, status in (
        ("", 400),
        ("?from=1", 400),
        ("?from=1&to=2", 404),
        ("?from=x&to=1", 404),
    ):
        page = browser.get(at(api, f"prompts/same/compare{query}"))
        assert page.status == status, query
        assert page.alert
    assert browser.get(at(api, "prompts/same/compare?from=1&to=1&view=odd")).status == 200
