"""JUnit for CI."""

from xml.etree import ElementTree as ET

import pytest
from tests.support import audits

from sidestep.audit.catalogue import RULES
from sidestep.report import junit
from sidestep.report.formats import Look


def parsed(audit):
    return ET.fromstring(junit.render(audit, Look()))  # noqa: S314 - our own output


@pytest.mark.parametrize("make", [audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty])
def test_counts_are_what_stands_there(make):
    root = parsed(make())
    suites = root.findall("testsuite")
    assert len(suites) == len(RULES)
    for counted in (root, *suites):
        assert int(counted.get("tests")) == len(counted.findall(".//testcase"))
        assert int(counted.get("failures")) == len(counted.findall(".//failure"))
    assert all(int(suite.get("skipped")) == len(suite.findall(".//skipped")) for suite in suites)


def test_a_rule_that_found_nothing_passed():
    assert all(suite.get("tests") == "1" and suite.get("failures") == "0" for suite in parsed(audits.empty()))


def cases(root, code):
    return {case.get("name"): case for case in root.iter("testcase") if case.get("classname") == code}


def test_warnings_and_worse_fail_and_information_passes():
    root = parsed(audits.typical())
    assert cases(root, "SID112")["Deployment checkout/cart"].find("failure").get("type") == "blocker"
    assert cases(root, "SID106")["Deployment mail/smtp"].find("failure").get("type") == "warning"
    assert cases(root, "SID116")["Deployment edge/proxy"].find("failure") is None


def test_what_is_suppressed_is_skipped_with_its_reason():
    case = cases(parsed(audits.typical()), "SID106")["Deployment legacy/cobol"]
    assert case.find("failure") is None
    assert case.find("skipped").get("message") == "--suppress SID106"


def test_a_failure_tells_what_why_and_where():
    case = cases(parsed(audits.tiny()), "SID112")["Deployment checkout/cart"]
    assert (case.get("file"), case.get("line")) == ("deploy/checkout.yaml", "7")
    assert case.find("failure").text == "what SID112 found\nfix: do what SID112 asks\ndeploy/checkout.yaml:7"


def test_characters_that_xml_cannot_carry_are_replaced_and_markup_is_escaped():
    text = junit.render(audits.nasty(), Look())
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") in text
    assert not any("\ud800" <= character <= "\udfff" for character in text)
