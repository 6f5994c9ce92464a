"""Call graphs as Mermaid and as SVG: what is drawn, that it stays what it is, and how it looks in a real browser."""

import random
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.browser import chromium, complaints, requests

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph
from sidestep.report.call_graph import MOST_NODES, mermaid, svg

SVG = "{http://www.w3.org/2000/svg}"
ANYTHING = st.text(alphabet=st.characters(), min_size=1, max_size=12)


def call(
    source: str, target: str, requests: float | None = None, evidence=Evidence.METRICS, space="shop", **more
) -> Edge:
    caller = Caller(CallerRole.WORKLOAD, space, "Deployment", source)
    return Edge(caller, Callee(space, "Deployment", target, space, target), requests, evidence=evidence, **more)


def mesh_of(size: int, seed: int = 1) -> CallGraph:
    """A mesh that looks like one: few entrances, some cycles, many leaves."""
    dice = random.Random(seed)  # noqa: S311 - a picture's seed
    edges = [
        call(f"service-{dice.randrange(at)}", f"service-{at}", dice.random() * 900, space=f"team-{dice.randrange(6)}")
        for at in range(1, size)
    ]
    return call_graph([*edges, call(f"service-{size - 1}", "service-0"), call("service-0", "service-0")])


def root(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own output


def boxes(drawn: ET.Element) -> list[tuple[float, float, float, float]]:
    found = [group.find(f"{SVG}rect") for group in drawn.findall(f"{SVG}g") if len(group.findall(f"{SVG}text")) == 2]
    return [tuple(float(box.get(key)) for key in ("x", "y", "width", "height")) for box in found]


def titles(drawn: ET.Element) -> list[str]:
    return [title.text for title in drawn.iterfind(f".//{SVG}g/{SVG}title")]


SMALL = call_graph([
    Edge(Caller(CallerRole.GATEWAY, "istio-ingress", "Deployment", "gw"), Callee("shop", "Deployment", "web"), 12.0, evidence=Evidence.METRICS),
    call("web", "cart", evidence=Evidence.INFERRED, proofs=("Deployment shop/web: env CART_ADDR",)),
    call("web", "pay", 4200.0, protocol="grpc"),
    Edge(Caller(), Callee(service_namespace="shop", service="old"), evidence=Evidence.ACCESS_LOG),
    Edge(Caller(namespace="bank"), Callee(host="api.acme.test"), evidence=Evidence.ACCESS_LOG),
])  # fmt: skip


def test_mermaid_has_namespaces_and_dots_what_nobody_saw():
    text = mermaid(SMALL)
    ids = {label: found for found, label in re.findall(r'(n[0-9a-f]{12})[\[({]+"([^"]+)"', text)}
    assert text.startswith("flowchart LR\n")
    assert re.findall(r'subgraph sn\w+\["([^"]+)"\]', text) == ["bank", "istio-ingress", "shop"]
    assert f"{ids['web']} -.-> {ids['cart']}" in text
    assert f'{ids["web"]} -->|"4.2k/s"| {ids["pay"]}' in text
    assert f'{ids["gw"]}{{{{"gw"}}}}' in text
    assert f'{ids["old"]}[["old"]]' in text
    assert f'{ids["api.acme.test"]}(["api.acme.test"])' in text
    assert f"{ids['outside or unknown']} --> {ids['old']}" in text


def test_ids_stay_when_others_come():
    before = set(re.findall(r"n[0-9a-f]{12}\S*", mermaid(SMALL)))
    after = set(re.findall(r"n[0-9a-f]{12}\S*", mermaid(call_graph([*SMALL.edges, call("a", "web")]))))
    assert before < after


def test_names_that_are_words_of_mermaid_are_only_names():
    text = mermaid(call_graph([call('end"]; click x', "a|b --> c")]))
    assert '"end#34;#93;#59; click x"' in text
    assert '"a#124;b --#62; c"' in text


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_name_leaves_mermaid_its_form(source, target, space):
    lines = mermaid(call_graph([call(source, target, space=space)])).splitlines()
    forms = (
        r"flowchart LR", r'  subgraph sn[0-9a-f]{12}\["[^"\]]*"\]', r'    n[0-9a-f]{12}\["[^"\]]*"\]', "  end",
        r"  n[0-9a-f]{12} --> n[0-9a-f]{12}",
    )  # fmt: skip
    assert all(any(re.fullmatch(form, line) for form in forms) for line in lines)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_name_leaves_svg_xml_without_life_of_its_own(source, target, space):
    text = svg(call_graph([call(source, target, space=space, proofs=(source,))]), name=target)
    drawn = root(text)
    assert {element.tag for element in drawn.iter()} <= {
        SVG + tag for tag in ("svg", "title", "defs", "marker", "path", "rect", "g", "text")
    }
    assert not any(
        key.startswith("on") or "href" in key or key == "style" for each in drawn.iter() for key in each.attrib
    )


def test_svg_draws_every_node_and_arrow_and_says_what_it_knows():
    drawn = root(svg(SMALL))
    assert len(boxes(drawn)) == 8
    told = titles(drawn)
    assert "web calls cart\ninferred; Deployment shop/web: env CART_ADDR" in told
    assert "web calls pay\ngrpc, 4,200 requests/s (metrics)" in told
    assert "gw (Deployment in istio-ingress)" in told
    assert "somebody in bank (unknown in bank)" in told


def test_the_order_of_edges_changes_no_byte():
    edges = list(mesh_of(60).edges)
    for draw in (svg, mermaid):
        expected = draw(call_graph(edges))
        for seed in range(3):
            assert draw(call_graph(random.Random(seed).sample(edges, len(edges)))) == expected  # noqa: S311


@pytest.mark.parametrize("size", [2, 15, 150])
def test_nodes_stand_apart_and_inside(size):
    drawn = root(svg(mesh_of(size)))
    width, height = float(drawn.get("width")), float(drawn.get("height"))
    found = boxes(drawn)
    assert len(found) >= size
    for at, (x, y, w, h) in enumerate(found):
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        assert not any(abs(x - x2) < w and abs(y - y2) < h for x2, y2, _, _ in found[at + 1 :])


def test_calls_run_from_left_to_right_but_for_those_that_close_a_cycle():
    left = {}
    drawn = root(svg(call_graph([call("a", "b"), call("b", "c"), call("c", "a"), call("a", "d")])))
    for group in drawn.findall(f"{SVG}g"):
        if len(group.findall(f"{SVG}text")) == 2:
            left[group.find(f"{SVG}text").text] = float(group.find(f"{SVG}rect").get("x"))
    closing = [group.find(f"{SVG}title").text.splitlines()[0] for group in drawn.findall(f"{SVG}g")
               if (path := group.find(f"{SVG}path")) is not None and "cycle" in (path.get("marker-end") or "")]  # fmt: skip
    assert len(closing) == 1
    for pair in ("ab", "bc", "ca", "ad"):
        assert (left[pair[0]] < left[pair[1]]) != (closing == [f"{pair[0]} calls {pair[1]}"])


def test_with_too_many_nodes_namespaces_stand_for_them():
    graph = call_graph(
        Edge(Caller(CallerRole.WORKLOAD, f"team-{at % 7}", "Deployment", f"w{at}"), Callee(f"team-{at % 5}", "Deployment", f"w{at + 1}"), 1.0)
        for at in range(10_000)
    )  # fmt: skip
    drawn = root(svg(graph))
    assert len(boxes(drawn)) == 7
    assert len(re.findall(r"-->|-\.->", mermaid(graph))) < MOST_NODES
    assert len(boxes(root(svg(mesh_of(12), most=None)))) == len(boxes(root(svg(mesh_of(12), most=100))))


def test_a_long_chain_and_a_star_are_drawn():
    chain = call_graph(call(f"w{at}", f"w{at + 1}") for at in range(280))
    star = call_graph(call("hub", f"leaf-{at}") for at in range(280))
    assert [len(boxes(root(svg(graph)))) for graph in (chain, star)] == [281, 281]


def test_nothing_to_draw_is_said():
    assert "No calls are known." in svg(CallGraph())
    assert mermaid(CallGraph()) == "flowchart LR\n"


OVERFLOWS = """
return [...document.querySelectorAll('g')].filter(g => g.querySelectorAll('text').length === 2).flatMap(g => {
  const box = g.querySelector('rect').getBBox();
  return [...g.querySelectorAll('text')].filter(t => {
    const text = t.getBBox(); return text.x + text.width > box.x + box.width || text.y + text.height > box.y + box.height + 2;
  }).map(t => t.textContent);
});
"""


@pytest.mark.real
@pytest.mark.xdist_group("chromium")
def test_in_a_browser_words_stay_in_their_boxes_and_nothing_is_asked_for(tmp_path):
    long = [
        call("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "metadata-and-recommendation-service-with-a-long-name"),
        call("iii" * 20, "\u6f22" * 40),
    ]
    path = tmp_path / "graph.svg"
    path.write_text(svg(call_graph([*mesh_of(40).edges, *long, *SMALL.edges])), "utf-8")
    with chromium(tmp_path) as browser:
        browser.get(path.as_uri())
        assert browser.execute_script("return document.documentElement.localName") == "svg"
        assert browser.execute_script(OVERFLOWS) == []
        assert complaints(browser) == []
        asked = {address for address in requests(browser) if not address.startswith("chrome")}
        assert asked == {path.as_uri()}
