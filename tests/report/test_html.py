"""The page, opened in a real browser."""

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from tests.support import audits
from tests.support.browser import chromium, complaints, requests

from sidestep.report import html
from sidestep.report.formats import Look

ALL = (audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty)
DASH = "\N{EN DASH}"


def render(audit) -> str:
    return html.render(audit, Look())


class Elements(HTMLParser):
    """What a parser makes of the page: its elements, and addresses in them."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.addresses, self.handlers = 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value for name, value in attrs if name in {"src", "href", "action", "srcset", "poster"}]


@pytest.mark.parametrize("make", ALL)
def test_the_page_has_two_scripts_of_ours_and_loads_nothing(make):
    page = Elements(render(make()))
    assert page.scripts == 2, "data and code"
    assert page.handlers == []
    assert page.addresses == ["data:,"]


def test_the_policy_admits_our_script_by_its_hash_and_nothing_else():
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', render(audits.tiny()))
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_names_cannot_turn_the_reading_direction():
    text = render(audits.nasty())
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)


def test_a_large_mesh_is_a_file_one_can_send():
    assert len(render(audits.large())) < 3_000_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        started.get("about:blank")
        requests(started)  # those of the browser's own first page
        yield started


@pytest.fixture
def opened(browser, tmp_path):
    """Open an audit's page; nothing may be logged, nothing asked for, whatever a test does with it."""
    addresses = set()

    def open_page(audit):
        path = tmp_path / "audit.html"
        path.write_text(render(audit), errors="replace")
        addresses.add(path.as_uri())
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert complaints(browser) == []
    assert requests(browser) <= addresses


def column(browser, table, index):
    cells = browser.find_elements("css selector", f"[data-table={table}] tbody tr td:nth-child({index})")
    return [cell.text for cell in cells]


def status(browser, table):
    return browser.find_element("css selector", f"[data-table={table}] [role=status]").text


def type_in(browser, table, text):
    field = browser.find_element("css selector", f"[data-table={table}] input")
    field.clear()
    field.send_keys(text)


@pytest.mark.real
@pytest.mark.parametrize("make", ALL)
def test_it_opens_without_a_word_in_the_console(opened, make):
    browser = opened(make())
    assert browser.find_element("tag name", "h1").text == "Sidecar audit"
    assert len(browser.find_elements("css selector", ".tile")) == 6
    assert len(browser.find_elements("css selector", "figure svg")) == 3
    assert len(browser.find_elements("css selector", "[data-table] table")) == 3


@pytest.mark.real
def test_a_column_sorts_both_ways_by_value_and_says_so(opened):
    browser = opened(audits.typical())
    head = browser.find_element("xpath", "//*[@data-table='namespaces']//th[.//span='Pods']")
    pods = lambda: [int(text) for text in column(browser, "namespaces", 2)]  # noqa: E731
    assert head.get_attribute("aria-sort") is None
    head.find_element("tag name", "button").click()
    assert pods() == sorted(pods(), reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.find_element("tag name", "button").send_keys(Keys.ENTER)
    assert pods() == sorted(pods())
    assert head.get_attribute("aria-sort") == "ascending"


@pytest.mark.real
def test_the_dearest_namespace_comes_first_and_the_worst_finding_too(opened):
    browser = opened(audits.typical())
    assert column(browser, "namespaces", 1)[0].startswith("legacy")
    assert column(browser, "findings", 1) == ["blocker", "error", "error", "warning", "warning", "info"]


@pytest.mark.real
def test_tables_filter_by_what_is_typed_anywhere_in_a_row(opened):
    browser = opened(audits.typical())
    type_in(browser, "workloads", "LEGACY")
    assert set(column(browser, "workloads", 2)) == {"legacy"}
    type_in(browser, "workloads", "no such thing")
    assert column(browser, "workloads", 1) == []
    assert status(browser, "workloads") == "Nothing to show"
    type_in(browser, "findings", "do what SID116")
    assert column(browser, "findings", 2) == ["SID116"]


@pytest.mark.real
def test_a_badge_shows_one_severity_and_shows_all_again(opened):
    browser = opened(audits.typical())
    badge = browser.find_element("css selector", "[data-only=warning]")
    assert badge.text == "1 warning", "the suppressed one does not count"
    badge.click()
    assert column(browser, "findings", 3) == ["Deployment mail/smtp"]
    assert badge.get_attribute("aria-pressed") == "true"
    badge.click()
    assert len(column(browser, "findings", 3)) == 6


@pytest.mark.real
def test_figures_explain_themselves_to_the_mouse_and_to_the_keyboard(opened):
    browser = opened(audits.tiny())
    tooltip = browser.find_element("id", "why")
    tile = browser.find_element("css selector", ".tile[data-why]")
    ActionChains(browser).move_to_element(tile).perform()
    assert "sum over workloads of requests * rate" in tooltip.text
    assert "vCPU-hour: 0.0316" in tooltip.text
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not tooltip.is_displayed()
    browser.execute_script("arguments[0].focus()", tile)
    assert tooltip.is_displayed()
    assert tile.get_attribute("aria-describedby") == "why"
    ActionChains(browser).move_to_element(browser.find_element("tag name", "h1")).perform()
    assert tooltip.is_displayed(), "a mouse that passes by takes nothing from the keyboard"
    money = browser.find_element("xpath", "//*[@data-table='workloads']//button[.='Requested/mo']")
    browser.execute_script("arguments[0].focus()", money)
    assert "requests * rate * 730 h" in tooltip.text


@pytest.mark.real
def test_nasty_names_are_shown_as_they_are_and_run_nothing(opened):
    browser = opened(audits.nasty())
    assert browser.execute_script("return document.scripts.length") == 2
    shown = column(browser, "findings", 3)
    assert len(shown) == 3
    assert "<script>alert(1)</script>" in shown[0]
    assert "<script>alert(1)</script>" in browser.find_element("css selector", ".said").text
    assert "<script>alert(1)</script>" in browser.find_element("css selector", ".partial").text
    links = [link.get_attribute("href") for link in browser.find_elements("css selector", "td a")]
    assert all(link.startswith("https://github.com/sidestep-dev/") for link in links)


@pytest.mark.real
def test_five_thousand_workloads_are_paged(opened):
    browser = opened(audits.large())
    assert status(browser, "workloads") == f"1{DASH}50 of 5,000"
    assert len(column(browser, "workloads", 1)) == 50
    first = column(browser, "workloads", 1)
    browser.find_element("xpath", "//*[@data-table='workloads']//button[.='Next']").click()
    assert status(browser, "workloads") == f"51{DASH}100 of 5,000"
    assert not set(first) & set(column(browser, "workloads", 1))
    type_in(browser, "workloads", "service-4999")
    assert status(browser, "workloads") == f"1{DASH}1 of 1"
    assert column(browser, "workloads", 1)[0].startswith("service-4999")


@pytest.mark.real
def test_what_is_missing_is_said_before_anything_else(opened):
    browser = opened(audits.partial())
    banner = browser.find_element("css selector", ".partial[role=alert]")
    assert "grant list on pods" in banner.text
    assert banner.location["y"] < browser.find_element("css selector", ".said").location["y"]
    whole = replace(audits.tiny(), source=replace(audits.tiny().source, complete=True))
    assert opened(whole).find_elements("css selector", "[role=alert]") == []


@pytest.mark.real
@pytest.mark.parametrize("width", [360, 768, 1320])
@pytest.mark.parametrize("make", [audits.typical, audits.nasty])
def test_the_page_is_never_wider_than_the_screen(opened, width, make):
    browser = opened(make())
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def ground(browser):
    return browser.execute_script("return getComputedStyle(document.body).backgroundColor")


@pytest.mark.real
def test_it_is_dark_where_that_is_preferred_and_white_on_paper(opened):
    browser = opened(audits.typical())
    try:
        seen = {}
        for name, media, scheme in (("light", "", "light"), ("dark", "", "dark"), ("paper", "print", "dark")):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
            seen[name] = ground(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert seen == {"light": "rgb(245, 246, 248)", "dark": "rgb(15, 19, 25)", "paper": "rgb(255, 255, 255)"}


@pytest.mark.real
def test_it_prints_all_rows_of_a_usual_mesh(opened):
    browser = opened(audits.audit_of([audits.workload("shop", f"app-{index}", 1, 0) for index in range(120)]))
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(column(browser, "workloads", 1)) == 120
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(column(browser, "workloads", 1)) == 50
