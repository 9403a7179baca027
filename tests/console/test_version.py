"""The page of a version, and the preview of the compiled prompt."""

from __future__ import annotations

import json
from pathlib import Path

from console.browsing import parse
from console.conftest import Bind, Browse
from console.shop import Kubectl, at, harmless, texts, tickets
from harness.api import Api, version
from promptrelease import Prompts


def test_text_contract_model_and_includes(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind
) -> None:
    tickets(api, kubectl, "tone-of-voice", "ticket-summary")
    bind("frank", "viewer")
    page = harmless(browse("frank").get(at(api, "prompts/ticket-summary/versions/3")))
    assert page.status == 200
    text = page.find(class_="prompt-text")
    assert text.raw == api.get("promptversions", "ticket-summary-v3")["spec"]["text"]
    assert texts(text.all("span", class_="variable")) == ["{{ticket}}"]
    assert texts(text.all("span", class_="include")) == ["{{> tone}}"]
    rows = {row.find("th").text: row.text for row in page.find("tbody").all("tr")}
    assert "required" in rows["ticket"]
    assert "Acme" in rows["company"]
    assert "from an include" in rows["company"]
    facts = page.find("aside").text
    assert "gpt-4.1-mini-2025-04-14 of openai" in facts
    assert "staging since" in facts
    assert page.links["tone-of-voice v3"].endswith("/prompts/tone-of-voice/versions/3")
    resolved = page.find("details").find(class_="prompt-text").raw
    assert "Never blame the customer" in resolved
    assert "{{> tone}}" not in resolved
    assert "New version from this one" not in page.text


def test_a_chat_prompt_with_tools_and_output(api: Api, kubectl: Kubectl, browse: Browse) -> None:
    tickets(api, kubectl, "ticket-router")
    page = browse("admin").get(at(api, "prompts/ticket-router/versions/3"))
    said = page.find("section").all("article", class_="message")
    assert texts(it.find("h3") for it in said) == ["system", "messages of the caller", "user"]
    assert "lookup_order" in page.text
    assert "the order's number as the customer wrote it" in page.text
    assert "one sentence for the agent, in English" in page.text
    assert page.links["ticket-summary"].endswith("/prompts/ticket-summary")
    assert page.follow("New version from this one").url.endswith("/new?from=3")
    assert page.follow("Compare with v2").find("h1").text == "What changed from v2 to v3"


def test_the_preview_is_what_a_workload_compiles(
    api: Api, kubectl: Kubectl, browse: Browse, tmp_path: Path
) -> None:
    tickets(api, kubectl, "ticket-router")
    page = browse("admin").get(at(api, "prompts/ticket-router/versions/2"))
    history = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "…"}]
    values = {"company": "", "queues": ["a", "ü & <b>"], "summary": "Order {{1042}} is late.\n"}
    given = {"value.company": "", "value.history": json.dumps(history)}
    given["value.queues"] = json.dumps(values["queues"])
    given["value.summary"] = "Order {{1042}} is late.\r\n"
    shown = harmless(page.form("value.queues").submit(**given))
    assert shown.status == 200
    parts = shown.find(id="compiled").all("article")
    folder = tmp_path / "ticket-router"
    folder.mkdir()
    for name, content in api.files("ticket-router", "production").items():
        (folder / name).write_text(content)
    with Prompts(str(tmp_path)) as prompts:
        sent = prompts.chat("ticket-router").compile(
            queues=values["queues"], summary=values["summary"], history=history
        )
    assert [part.find(class_="prompt-text").raw for part in parts] == [m["content"] for m in sent]
    assert [part.find("h4").text.split()[0] for part in parts] == [m["role"] for m in sent]
    # What was filled in is still there.
    assert shown.form("value.queues").values["value.queues"] == [given["value.queues"]]
    assert texts(parts[0].all("mark")) == ["Acme", '["a","ü & <b>"]']


TYPED = {
    "text": "{{s}} {{i}} {{n}} {{b}} {{a}} {{o}}",
    "variables": {
        "s": {"type": "string"},
        "i": {"type": "integer"},
        "n": {"type": "number", "default": 0.5},
        "b": {"type": "boolean"},
        "a": {"type": "array"},
        "o": {"type": "object"},
    },
}


def test_mistakes_are_told_at_their_fields(api: Api, browse: Browse) -> None:
    api.create(version("typed", 1, **TYPED))
    page = browse("admin").get(at(api, "prompts/typed/versions/1"))
    given = {
        "value.i": "three",
        "value.n": "",
        "value.a": "[1,",
        "value.o": "[]",
        "value.b": "false",
    }
    sent = page.form("value.i").submit(**given)
    assert sent.status == 422
    assert "3 values can't be used" in sent.alert
    wrong = {
        it.attrs["name"]: sent.find(id=it.attrs["aria-describedby"].split()[-1]).text
        for it in sent.root.walk()
        if it.attrs.get("aria-invalid") == "true"
    }
    assert wrong.keys() == {"value.i", "value.a", "value.o"}
    assert wrong["value.i"] == "this must be a whole number, such as 3"
    assert wrong["value.a"].startswith("this is not JSON")
    values = sent.form("value.i").values
    assert {name: values[name][0] for name in given} == given
    mended = sent.form("value.i").submit(**{"value.i": "3", "value.a": "[]", "value.o": "{}"})
    assert mended.status == 200
    assert mended.find(id="compiled").find(class_="prompt-text").raw == "[s] 3 0.5 false [] {}"


def test_while_one_types_only_the_preview_comes(api: Api, browse: Browse) -> None:
    api.create(version("typed", 1, **TYPED))
    browser = browse("admin")
    path = at(api, "prompts/typed/versions/1")
    form = browser.get(path).form("value.i")
    answer = browser.post(
        path, form.values | {"value.s": "hello", "value.i": "x"}, hx_request="true"
    )
    assert answer.status == 200
    assert "<html" not in answer.html
    assert "1 value to mend" in answer.find(id="compiled").text
    (told,) = [it for it in parse(answer.html).all("span", class_="mistake") if it.text]
    assert told.attrs["hx-swap-oob"] == "true"
    answer = browser.post(path, form.values | {"value.s": "hello"}, hx_request="true")
    assert answer.find(id="compiled").find("mark").raw == "hello"
    assert form.element.attrs["hx-post"] == path
    assert form.element.attrs["hx-target"] == "#compiled"


def test_a_preview_needs_a_page_of_ours(api: Api, browse: Browse) -> None:
    api.create(version("typed", 1, **TYPED))
    browser = browse("admin")
    assert browser.post(at(api, "prompts/typed/versions/1"), {"value.s": "x"}).status == 403


def test_a_version_with_mistakes_says_them(api: Api, browse: Browse) -> None:
    api.create(
        version("typed", 1, text="{{a}} {{> b}}", includes={"b": {"prompt": "c", "version": 1}})
    )
    api.version_with("typed-v1", "False")
    page = browse("admin").get(at(api, "prompts/typed/versions/1"))
    assert page.status == 200
    assert (
        "the included PromptVersion c-v1 does not exist" in page.find("div", class_="warning").text
    )
    assert "There is nothing to try" in page.text
    # As soon as it is there, the other mistake is next.
    api.create(version("c", 1, text="fine"))
    page = browse("admin").get(at(api, "prompts/typed/versions/1"))
    assert "{{a}} is used and not declared" in page.find("div", class_="warning").text


def test_there_is_no_such_version(api: Api, browse: Browse) -> None:
    api.create(version("typed", 3))
    browser = browse("admin")
    page = browser.get(at(api, "prompts/typed/versions/2"))
    assert (page.status, "the newest versions: v3" in page.text) == (404, True)
    for number in ("0", "x", "-1", "99999999999", "1.0"):
        assert browser.get(at(api, f"prompts/typed/versions/{number}")).status == 404
    assert browser.get(at(api, "prompts/typed/versions/v3")).status == 200
