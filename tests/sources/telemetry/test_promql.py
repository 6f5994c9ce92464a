"""Windows and scopes, and the page that shows what is asked."""

from pathlib import Path

import pytest

from sidestep.sources.telemetry import promql
from sidestep.sources.telemetry.promql import Scope, Window

PAGE = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text()
SHOWN = {
    "proxies": promql.proxies(),
    "proxies with owner": promql.proxies_with_owner(),
    "owners": promql.owners(),
    "CPU": promql.cpu(),
    "memory": promql.memory(),
    "memory by name": promql.memory(Scope(owned=False)),
    "a percentile": promql.quantile(0.95, "…", Window(604_800)),
    "the maximum": promql.highest("…", Window(604_800)),
    "points": promql.samples("…", Window(604_800)),
    "requests": promql.requests(Window(604_800)),
    "bytes": promql.traffic(Window(604_800)),
}


@pytest.mark.parametrize("what", SHOWN)
def test_the_page_shows_what_is_asked(what):
    """The page breaks lines where it likes."""
    shown = " ".join(PAGE.split()).replace("( ", "(").replace(" )", ")")
    told = SHOWN[what].replace(promql.owners(), "OWNERS") if what != "owners" else SHOWN[what]
    assert told in shown, told


@pytest.mark.parametrize(
    ("seconds", "proxies", "step", "points"),
    [(604_800, 0, 2_016, 300), (604_800, 33_000, 2_016, 300), (604_800, 150_000, 9_163, 66), (3_600, 10, 60, 60),
     (300, 10**9, 300, 1), (34_560_000, 1, 115_200, 300)],
)  # fmt: skip
def test_points_are_as_many_as_one_can_afford(seconds, proxies, step, points):
    window = Window(seconds).affordable(proxies)
    assert (window.step, window.points) == (step, points)
    assert window.range == f"[{seconds}s:{step}s]"


def test_a_scope_narrows_by_label_and_namespace():
    scope = Scope(namespaces=("shop", "pay-me"), labels=(("cluster", 'a"b\\c'),))
    assert scope.select("m", 'x="y"') == r'm{x="y", cluster="a\"b\\c", namespace=~"shop|pay-me"}'
    assert Scope(namespaces=("shop",), excluded=True).select("m", namespace="n") == 'm{n!~"shop"}'
    assert Scope().select("m") == "m"


def test_a_name_that_is_no_name_stays_inside_its_quotes():
    assert (
        Scope(namespaces=('a.b"} or vector(1) #',)).select("m")
        == r'm{namespace=~"a\\.b\"\\}\\ or\\ vector\\(1\\)\\ \\#"}'
    )
