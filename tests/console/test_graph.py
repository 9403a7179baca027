"""The dependency graph, as a picture and as a table."""

from __future__ import annotations

from console.browsing import Page
from console.conftest import Bind, Browse
from console.shop import Kubectl, at, harmless, texts, tickets, until
from harness.api import Api, release, version


def boxes(page: Page) -> dict[str, str]:
    """Where each box of the picture leads, by its title."""
    return {box.find("title").text: box.attrs.get("href", "") for box in page.all(class_="node")}


def arrows(page: Page) -> list[str]:
    return sorted(it.find("title").text for it in page.all("path", class_="arrow"))


def chain(api: Api) -> None:
    """a is read by b, b by c and by d; d reads something that is not there; e is alone."""
    for name, consumes in {"a": [], "b": ["a"], "c": ["b"], "d": ["b", "gone"], "e": []}.items():
        api.create(version(name, 1, consumes=consumes or None))
        api.create(release(name, production=(1, "begin")))
    for name in "abcde":
        api.ready(name)


def test_picture_and_table_say_the_same(api: Api, browse: Browse, bind: Bind) -> None:
    chain(api)
    bind("frank", "viewer")
    browser = browse("frank")
    page = until(lambda: browser.get(at(api, "graph")), "1 prompt that neither read nor are read")
    harmless(page)
    assert page.status == 200
    found = boxes(page)
    assert found == {
        "a v1": at(api, "prompts/a"),
        "b v1": at(api, "prompts/b"),
        "c v1": at(api, "prompts/c"),
        "d v1, broken": at(api, "prompts/d"),
        "gone, not served": "",  # there is no such prompt
    }
    assert arrows(page) == ["b reads a", "c reads b", "d reads b", "d reads gone"]
    rows = {row.find("th").text.split()[0]: row.all("td") for row in page.find("tbody").all("tr")}
    assert texts(rows["b"]) == ["v1", "a", "c, d", ""]
    assert texts(rows["gone"]) == ["nothing", "", "d", "not served"]
    assert "production serves no gone" in page.find("div", class_="warning").text
    assert page.find("details").find("a", href=at(api, "prompts/e"))
    svg = page.find("svg", class_="graph")
    places = {
        it.find("title").text.split()[0]: float(it.find("rect").attrs["x"])
        for it in svg.all(class_="node")
    }
    assert places["a"] < places["b"] < places["c"]


def test_focus_on_one_and_another_label(api: Api, browse: Browse) -> None:
    chain(api)
    browser = browse("admin")
    page = until(lambda: browser.get(at(api, "graph?prompt=c")), "What c is joined to")
    assert [title.split()[0] for title in boxes(page)] == ["a", "b", "c"]
    assert page.find("a", class_="focus").find("title").text == "c v1"
    gone = browser.get(at(api, "graph?prompt=gone"))
    assert [title.split()[0] for title in boxes(gone)] == ["d", "gone,"]
    every = page.follow("Show all")
    assert len(boxes(every)) == 5
    staging = every.form("label").submit(label="latest")
    assert "What latest serves" in staging.find("figcaption").text
    none = browser.get(at(api, "graph?label=staging&prompt=c"))
    assert (none.status, boxes(none)) == (200, {})
    assert "staging serves nothing of c" in none.text
    assert browser.get(at(api, "graph?prompt=absent")).status == 404
    assert browser.get(at(api, "graph?prompt=A'><b>")).status == 404
    assert browser.get(at(api, "graph?label=A'><b>")).status == 404


def test_a_move_is_in_the_picture_at_once(api: Api, kubectl: Kubectl, browse: Browse) -> None:
    tickets(api, kubectl)
    browser = browse("admin")
    until(lambda: browser.get(at(api, "graph")), "ticket-router", "v2")
    api.move("ticket-router", "production", 3, "try")
    api.ready("ticket-router")
    until(lambda: browser.get(at(api, "graph")), "ticket-router v3")


def test_nothing_reads_anything(api: Api, browse: Browse) -> None:
    page = browse("admin").get(at(api, "graph"))
    assert page.status == 200
    assert "Nothing reads another's output on production" in page.text


def test_somebody_without_rights_sees_nothing(api: Api, browse: Browse) -> None:
    chain(api)
    page = browse("frank").get(at(api, "graph"))
    assert page.status == 403
    assert not page.all("svg", class_="graph")
