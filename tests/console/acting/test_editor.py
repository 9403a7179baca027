"""Writing versions in the browser: the next one, and the first of a new prompt."""

from __future__ import annotations

from console.acting.world import P, Shop
from harness.api import VERSIONS, version, wait_for

TEXT = "Hello <b>you</b> & you\nGreet {{who}} in {{language}}.\n\n</textarea><script>x</script>"
LANGUAGE = {
    "variable-language-type": "string",
    "variable-language-description": "of the answer",
    "variable-language-default": "English",
}


def editor(shop: Shop) -> str:
    return f"{shop.base}/prompts/{P}/new"


def test_written_previewed_created_and_staged(greeting: Shop) -> None:
    alice = greeting.browser("alice")
    page = alice.get(editor(greeting))
    assert "Version 4 of greeting" in page.find("h1").text
    form = page.form("message")
    assert form.values["text"] == ["Hello 3\nGreet {{who}} in one short sentence."]
    page = form.submit("Check and compare with v3", text=TEXT, message="In any language")
    assert page.status == 200
    assert "New: language" in page.text
    assert "{{language}}.\n\n</textarea><script>x</script>" in page.find("textarea", id="text").raw
    assert "What changes from v3" in page.text
    assert "variables.language" in page.html or "Variable: language" in page.text
    page = page.form("message").submit(**LANGUAGE)
    assert page.status == 200
    page = page.form("message").submit("Create v4")
    assert "v4 of greeting is written." in page.text
    made = greeting.api.get(VERSIONS, f"{P}-v4")
    assert made["spec"] == {
        "prompt": P,
        "version": 4,
        "text": TEXT,
        "variables": {
            "who": {"type": "string", "description": "first name"},
            "language": {
                "type": "string",
                "description": "of the answer",
                "default": "English",
            },
        },
        "model": {"provider": "openai", "name": "gpt-5-2026-08-06"},
        "message": "In any language",
    }
    assert made["metadata"]["annotations"]["promptrelease.dev/author"] == "alice"
    # The next step: staging, with why it exists as the reason.
    assert page.path.startswith(greeting.at("promote", "staging"))
    assert page.form("reason").values["reason"] == ["In any language"]
    page.form("reason").submit("Put v4 live on staging")
    assert greeting.serves(4, "staging")["by"] == "alice"


def test_checked_as_one_types(greeting: Shop) -> None:
    alice = greeting.browser("alice")
    form = alice.get(editor(greeting)).form("message")
    typing = {**form.values, "text": ["Greet {{who}}\nin {{the language}}"]}
    (area,) = [it for it in form.element.all("textarea") if it.attrs["name"] == "text"]
    assert area.attrs["hx-trigger"] == "input changed delay:350ms"
    part = alice.post(area.attrs["hx-post"], dict(typing), hx_request="true")
    assert part.status == 200
    assert "line 2, column 4" in part.text
    assert "Say why" not in part.text, "nobody has been asked that yet"
    assert part.root.maybe("html") is None
    part = alice.post(area.attrs["hx-post"], {**typing, "text": ["To {{you}}"]})
    assert "New: you" in part.text
    assert "Gone: who" in part.text
    assert [it.attrs["name"] for it in part.all("select")] == [
        "variable-you-type",
        "variable-who-type",
    ]


def test_mistakes_are_at_their_fields_and_all_is_kept(greeting: Shop) -> None:
    form = greeting.browser("alice").get(editor(greeting)).form("message")
    typed = {"message": "", "text": "{{who}} {{", "tools": "[{]", "temperature": "warm"}
    page = form.submit("Create v4", **typed)
    assert page.status == 422
    for name, value in typed.items():
        assert page.form("message").values[name] == [value]
    for name in ("message", "text", "tools"):
        element = page.find(id=name)
        assert element.attrs["aria-invalid"] == "true"
        assert page.find(id=element.attrs["aria-describedby"]).text
    assert greeting.api.get(VERSIONS, f"{P}-v4") == {}


def test_a_variable_that_nobody_has_seen_yet_is_shown_first(greeting: Shop) -> None:
    form = greeting.browser("alice").get(editor(greeting)).form("message")
    page = form.submit("Create v4", text="{{who}} {{langauge}}", message="typo")
    assert page.status == 400
    assert "The text uses langauge" in page.alert
    assert greeting.api.get(VERSIONS, f"{P}-v4") == {}
    assert "v4 of greeting is written." in page.form("message").submit("Create v4").text


def test_what_the_api_server_says_is_shown_at_the_form(greeting: Shop) -> None:
    """What only it can know: here that a name is reserved by its own rules for consumes."""
    form = greeting.browser("alice").get(editor(greeting)).form("message")
    page = form.submit("Create v4", message="m", consumes=P)
    assert page.status == 422
    assert "a prompt can't consume its own output" in page.alert
    assert page.form("message").values["consumes"] == [P]


def test_who_may_not_create_is_told_and_refused(greeting: Shop) -> None:
    page = greeting.browser("bob").get(editor(greeting))
    assert "You may not create versions here" in page.text
    assert "Create v4" not in [it.text for it in page.all("button")]
    values: dict[str, str | list[str]] = {**page.form("message").values}
    sent = greeting.browser("bob").post(editor(greeting), values | {"message": "m", "do": "create"})
    assert sent.status == 403
    assert "cannot create resource" in sent.alert


def test_a_number_that_is_taken_meanwhile(greeting: Shop) -> None:
    form = greeting.browser("alice").get(editor(greeting)).form("message")
    greeting.api.create(version(P, 4, text="Somebody else's", message="first <b>"))
    page = form.submit("Create v4", text="Mine {{who}}", message="mine")
    assert page.status == 409
    assert "v4 was created by somebody else meanwhile: first <b>" in page.alert
    assert "it would be v5 now" in page.alert
    assert page.form("message").values["text"] == ["Mine {{who}}"]
    page = page.form("message").submit("Create v5")
    assert "v5 of greeting is written." in page.text
    assert greeting.api.get(VERSIONS, f"{P}-v5")["spec"]["text"] == "Mine {{who}}"
    assert greeting.api.get(VERSIONS, f"{P}-v4")["spec"]["text"] == "Somebody else's"


def test_a_conversation_without_any_script(greeting: Shop) -> None:
    alice = greeting.browser("alice")
    page = alice.get(editor(greeting)).form("message")
    page2 = page.submit("Write it as a conversation instead", message="as messages")
    page3 = page2.form("message").submit("Add a message", **{"message-0-role": "system"})
    page4 = page3.form("message").submit("Add a message", **{"message-1-content": "For {{who}}"})
    page5 = page4.form("message").submit("Remove message 3")
    done = page5.form("message").submit("Create v4")
    assert "v4 of greeting is written." in done.text
    spec = greeting.api.get(VERSIONS, f"{P}-v4")["spec"]
    assert spec["messages"] == [
        {"role": "system", "content": "Hello 3\nGreet {{who}} in one short sentence."},
        {"role": "user", "content": "For {{who}}"},
    ]
    assert "text" not in spec


def test_what_the_form_does_not_show_is_kept(greeting: Shop) -> None:
    """Includes, placeholders, tools, a schema, parameters nobody knows."""
    greeting.api.create(version("tone", 1, text="kindly"))
    rest = {
        "text": None,
        "messages": [
            {"role": "system", "content": "Speak {{> tone}}\n"},
            {"placeholder": "history"},
            {"role": "user", "content": "{{who}}"},
        ],
        "variables": {"who": {"type": "object", "default": {"a": [1, None]}}},
        "includes": {"tone": {"prompt": "tone", "version": 1}},
        "tools": [{"name": "f", "parameters": {"type": "object", "properties": {"x": {}}}}],
        "output": {"type": "object", "properties": {"a": {"type": "string"}}},
        "consumes": ["router"],
        "model": {
            "provider": "openai",
            "name": "m",
            "parameters": {"temperature": 0.5, "topP": 1, "stop": ["X"], "seed": 3},
        },
    }
    before = version(P, 4, **rest)
    greeting.api.create(before)
    form = greeting.browser("alice").get(f"{editor(greeting)}?from=4").form("message")
    page = form.submit("Create v5", message="the same")
    assert "v5 of greeting is written." in page.text, page
    made = greeting.api.get(VERSIONS, f"{P}-v5")["spec"]
    assert made == {**before["spec"], "version": 5, "message": "the same"}


def test_a_first_prompt(shop: Shop) -> None:
    alice = shop.browser("alice")
    page = alice.get(f"{shop.base}/new")
    assert "A new prompt" in page.find("h1").text
    button = "Create it and try it on staging"
    fields = {"provider": "openai", "model": "gpt-5-2026-08-06", "message": "begin"}
    page = page.form("message").submit(button, prompt="Bad Name", **fields)
    assert page.status == 422
    assert page.find(id="prompt").attrs["aria-invalid"] == "true"
    page = page.form("message").submit(button, prompt="first-one")
    assert page.path.startswith(shop.at("progress", "staging", "first-one")), page
    label = shop.serves(1, "staging", "first-one")
    assert (label["by"], label["reason"]) == ("alice", "begin")
    taken = (
        alice.get(f"{shop.base}/new").form("message").submit(button, prompt="first-one", **fields)
    )
    assert taken.status == 409
    assert "There is a prompt first-one already: begin" in taken.alert
    assert taken.form("message").values["prompt"] == ["first-one"]


def test_the_api_server_is_away_while_one_writes(greeting: Shop) -> None:
    form = greeting.browser("alice").get(editor(greeting)).form("message")
    greeting.plane.stop_component("kube-apiserver")
    try:
        kept = form.submit("Create v4", text="A long text {{who}}", message="kept")
        assert kept.status == 503
        assert kept.form("Send it again").values["text"] == ["A long text {{who}}"]
    finally:
        greeting.plane.start_component("kube-apiserver")

    def sent() -> bool:
        return "v4 of greeting is written." in kept.form("Send it again").submit().text

    wait_for(sent, "it to be taken")


def test_addresses_that_are_mistyped(greeting: Shop) -> None:
    alice = greeting.browser("alice")
    assert alice.get(f"{greeting.base}/prompts/nothing/new").status == 404
    assert alice.get(f"{editor(greeting)}?from=99").status == 404
    assert alice.get(f"{editor(greeting)}?from=v2").status == 200
    assert alice.get(f"{greeting.base}/prompts/a,b/new").status == 404
