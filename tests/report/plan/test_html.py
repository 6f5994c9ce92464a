"""The plan's page, opened in a real browser."""

import re

import pytest
from msgspec.structs import replace
from tests.support import sample_plans as plans
from tests.support.browser import chromium, complaints, requests

from sidestep.model.call_graph import CallGraph
from sidestep.report.formats import Look
from sidestep.report.plan import html
from sidestep.report.plan.report import PlanReport

ALL = (plans.plan, plans.empty, plans.nasty)


def render(plan, graph=None) -> str:
    return html.render(PlanReport(plan, plans.calls() if graph is None else graph), Look())


@pytest.mark.parametrize("make", [*ALL, plans.large])
def test_the_page_has_two_scripts_of_ours_and_loads_nothing(make):
    page = render(make()).lower()
    assert page.count("<script") == page.count("</script") == 2
    assert not re.search(r"<[^>]* on[a-z]+=", page)
    assert set(re.findall(r'<(?:img|link|a|iframe)[^>]*(?:src|href)="([^"]*)"', page)) == {"data:,"}
    assert not re.search(r'<[^>]*\sstyle="', page), "the policy admits no inline style"


def test_names_cannot_turn_the_reading_direction():
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", render(plans.nasty()))


def test_a_large_plan_is_a_file_one_can_send():
    assert len(render(plans.large(5_000))) < 6_000_000


def test_parts_of_which_there_is_nothing_are_left_out():
    page = render(plans.empty(), CallGraph())
    for title in ("In the way", "Before the first wave", "Who calls whom", "Waypoints</h2>", "Steps"):
        assert title not in page
    assert "Nobody has a sidecar." in page


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        started.get("about:blank")
        requests(started)  # those of the browser's own first page
        yield started


@pytest.fixture
def opened(browser, tmp_path):
    """Open a plan's page; nothing may be logged, nothing asked for, whatever a test does with it."""
    path = tmp_path / "plan.html"

    def open_page(plan, scheme="light"):
        path.write_text(render(plan), errors="replace")
        scheme_wanted = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_wanted)
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert complaints(browser) == []
    assert requests(browser) <= {path.as_uri()}


def column(browser, table, index):
    cells = browser.find_elements("css selector", f"[data-table={table}] tbody tr td:nth-child({index})")
    return [cell.text for cell in cells]


@pytest.mark.real
@pytest.mark.parametrize("make", [*ALL, plans.large])
def test_it_opens_without_a_word_in_the_console(opened, make):
    browser = opened(make())
    assert browser.find_element("tag name", "h1").text == "Migration to ambient"
    assert len(browser.find_elements("css selector", ".tile")) == 6
    assert len(browser.find_elements("css selector", ".charts svg")) == 2
    assert len(browser.find_elements("css selector", ".graph svg")) == 1


@pytest.mark.real
def test_steps_stand_in_their_order_and_narrow_to_a_wave(opened):
    browser = opened(plans.plan())
    assert column(browser, "steps", 1) == [step.id for step in plans.plan().steps]
    badge = browser.find_element("css selector", "[data-narrows=steps] [data-only='2']")
    badge.click()
    assert column(browser, "steps", 1) == [step.id for step in plans.plan().steps if step.wave == 2]
    badge.click()
    assert len(column(browser, "steps", 1)) == len(plans.plan().steps)


@pytest.mark.real
def test_workloads_that_need_something_come_first_and_narrow_to_a_verdict(opened):
    browser = opened(plans.plan())
    assert [each.splitlines()[0] for each in column(browser, "workloads", 1)][:2] == ["rework-first", "stays-sidecar"]
    browser.find_element("css selector", "[data-narrows=workloads] [data-only=ambient]").click()
    assert {each.splitlines()[0] for each in column(browser, "workloads", 1)} == {"ambient"}


@pytest.mark.real
def test_differences_lead_to_their_pages_and_other_codes_nowhere(opened):
    browser = opened(plans.plan())
    links = browser.find_elements("css selector", "[data-table=workloads] td.codes a")
    assert {link.text: link.get_attribute("href").rpartition("/")[2] for link in links} == {
        code: f"{code}.md" for code in ("D03", "D05", "D06", "D57")
    }
    assert opened(plans.nasty()).find_elements("css selector", "[data-table=workloads] td.codes a") == []


@pytest.mark.real
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_the_call_graph_can_be_read(opened, scheme):
    browser = opened(plans.plan(), scheme)
    pale = browser.execute_script(
        """
        const light = (color) => { const [r, g, b] = color.match(/[\\d.]+/g).map((each) => {
          const part = each / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const ground = light(getComputedStyle(document.querySelector(".graph svg rect")).fill);
        return [...document.querySelectorAll(".graph text")].filter((text) => {
          const ink = light(getComputedStyle(text).fill);
          return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05) < 4.5;
        }).map((text) => text.textContent);
        """
    )
    assert pale == []


@pytest.mark.real
@pytest.mark.parametrize("width", [390, 800, 1320])
def test_the_page_is_never_wider_than_the_window(opened, width):
    browser = opened(plans.plan())
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.real
def test_money_below_nothing_keeps_its_sign(opened):
    plan = plans.plan()
    odd = replace(plan.waypoints[0], price=replace(plan.waypoints[0].price, monthly=-3.5))
    browser = opened(replace(plan, waypoints=(odd,)))
    assert column(browser, "waypoints", 5) == ["-$3.50"]
