"""A service graph as table, Mermaid, SVG and page: nothing is lost, and nothing of it is anybody's script."""

import re
from xml.etree import ElementTree as ET

import pytest
from tests.support.browser import chromium, complaints

from sidestep.lab.graph.joined import Known, joined
from sidestep.lab.graph.result import Mesh, ServiceGraph
from sidestep.lab.graph.sightings import App, Layer, Sighting
from sidestep.report.lab.service_graph import mermaid, svg, text
from sidestep.report.lab.service_graph_page import page

WEB, CART, WAYPOINT, JOB = App("shop", "web"), App("shop", "cart"), App("shop", "waypoint"), App("plain", "job")
KNOWN = Known({
    WEB: frozenset({Mesh.AMBIENT}), CART: frozenset({Mesh.SIDECAR, Mesh.AMBIENT}), WAYPOINT: frozenset({Mesh.WAYPOINT}),
    JOB: frozenset({Mesh.NONE}),
})  # fmt: skip


def graph(seconds=0.0, *more):
    return joined(
        [
            Sighting(WEB, CART, Layer.L7, "waypoint", by=WAYPOINT, secured=True, count=1200, failed=3),
            Sighting(WEB, WAYPOINT, Layer.L4, "source", secured=True, count=4),
            Sighting(JOB, CART, Layer.L7, "destination", secured=False, count=2),
            Sighting(JOB, App("", "api.example.com"), Layer.APPLICATION, "application", count=1),
            *more,
        ],
        KNOWN,
        seconds,
    )


def test_a_line_for_each_edge():
    assert text(graph()) == (
        "CLIENT      SERVER            THROUGH         SEEN BY   SECURITY   REQUESTS   CONNECTIONS   CALLS   FAILED\n"
        "plain/job   api.example.com                   app       unknown                             1       0\n"
        "plain/job   shop/cart                         L7        plain      2                                0\n"
        "shop/web    shop/cart         shop/waypoint   L4 L7     mTLS       1,200      4                     3\n"
    )


def test_over_a_while_figures_are_rates():
    lines = text(graph(10.0)).splitlines()
    assert lines[0].split("   ")[-4:] == ["REQUESTS/s", "CONNECTIONS/s", "CALLS/s", "FAILED/s"]
    assert re.split(r" {3,}", lines[3])[-4:] == ["mTLS", "120", "0.4", "0.3"]


def test_holes_are_said():
    assert "hole: plain/job reaches the waypoint shop/waypoint, and nobody saw where that leads\n" in text(
        graph(0.0, Sighting(JOB, WAYPOINT, Layer.L4, "source", count=1))
    )


def test_nothing_is_said_to_be_nothing():
    assert text(ServiceGraph()) == "nobody called anybody\n"
    assert "No calls are known." in page(ServiceGraph())


def test_mermaid_dots_what_is_not_secured_and_names_the_waypoint():
    drawn = mermaid(graph())
    assert '-->|"L4 L7 #183; 1.2k#44; via waypoint"|' in drawn
    assert '-.->|"L7 #183; 2"|' in drawn


def test_the_picture_tells_what_is_known_of_each_edge():
    drawn = ET.fromstring(svg(graph()))  # noqa: S314 - our own
    titles = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}title")]
    told = next(each for each in titles if each.startswith("shop/web calls shop/cart"))
    assert told.splitlines() == [
        "shop/web calls shop/cart through shop/waypoint: mTLS",
        "L4 (source to shop/waypoint): 4 connections, mTLS",
        "L7 (waypoint): 1,200 requests, 3 failed, mTLS",
    ]
    legend = {"mTLS all the way", "plain", "no proxy saw it", "ambient", "of several kinds", "no mesh"}
    assert legend <= set(titles)


def test_names_are_text_whatever_they_are():
    evil = graph(0.0, Sighting(App("x", "<script>alert(1)</script>"), CART, Layer.L7, "source", count=1))
    for drawn in (svg(evil), page(evil)):
        assert "<script>alert" not in drawn


@pytest.mark.real
@pytest.mark.xdist_group("chromium")
def test_in_a_browser_the_page_has_all_edges_and_no_complaint(tmp_path):
    path = tmp_path / "graph.html"
    path.write_text(page(graph()), "utf-8")
    with chromium(tmp_path) as browser:
        browser.get(path.as_uri())
        rows = browser.execute_script("return [...document.querySelectorAll('.edges tr')].length")
        assert rows == 1 + 2 * 3
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert complaints(browser) == []
