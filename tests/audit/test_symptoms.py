"""Texts lead to symptoms, and symptoms to causes, those with evidence in this cluster first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.audit.catalogue import RULES
from sidestep.audit.finding import Finding, Severity
from sidestep.audit.symptoms import SYMPTOMS, diagnose, match, symptom_named
from sidestep.model.metadata import ObjectId

PHRASES = [(symptom.name, phrase) for symptom in SYMPTOMS for phrase in symptom.phrases]


def finding(code, severity=Severity.ERROR, name="cart"):
    return Finding(code, severity, ObjectId("v1", "Service", "shop", name), "what", "fix")


def best(text):
    found = match(text)
    return found[0].name if found else None


@pytest.mark.parametrize(("name", "phrase"), PHRASES)
def test_every_phrase_means_its_own_symptom(name, phrase):
    assert best(phrase) == name
    assert best(phrase.upper()) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("curl: (56) Recv failure: Connection reset by peer", "connection-reset"),
        ("dial tcp 10.96.3.3:80: connect: connection refused", "connection-refused"),
        ("lookup api.example.com on 10.96.0.10:53: no such host", "name-not-found"),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", "connection-closed"),
        ("HTTP/1.1 403 Forbidden\r\n\r\nRBAC: access denied", "rbac-access-denied"),
        ('Back-off pulling image "auto": ImagePullBackOff', "image-pull-auto"),
        ("remote error: tls: bad certificate", "bad-certificate"),
        ("x509: certificate has expired or is not yet valid: current time 2026-01-01", "certificate-not-valid"),
        ('error="connection closed due to policy rejection: allow policies exist, but none allowed"', "rbac-access-denied"),
        ("iptables-restore v1.8.7: No chain/target/match by that name.", "no-chain-target-match"),
        ("pod/cart-1 0/2 Init:0/1 0 10m", "pod-stuck-in-init"),
        ("gRPC load is skewed", "load-skew"),
        ("my requests just hang", "hangs"),
        ("we see no traces at all", "no-traces"),
    ],
)  # fmt: skip
def test_real_lines(text, name):
    assert best(text) == name


@pytest.mark.parametrize(
    ("text", "name"), [("conection reset", "connection-reset"), ("bad certifcate", "bad-certificate")]
)
def test_small_slips_do_not_matter(text, name):
    assert best(text) == name


@pytest.mark.parametrize("text", ["", "   ", "!!!", "of the", "bananas", "the quick brown fox jumps over the lazy dog"])
def test_nothing_fits_nothing(text):
    assert match(text) == ()


def test_what_several_symptoms_share_leads_to_all_of_them():
    names = {symptom.name for symptom in match("503")}
    assert {"upstream-connect-error", "no-healthy-upstream", "no-route"} <= names


@given(st.text(max_size=200))
def test_any_text(text):
    found = match(text)
    assert len({symptom.name for symptom in found}) == len(found)


def test_causes_with_evidence_come_first_and_errors_before_lesser_findings():
    symptom = symptom_named("upstream-connect-error")
    usual = [each.cause for each in diagnose((), symptom)]
    assert usual == list(symptom.causes), "without evidence, by how common they are"
    found = diagnose((finding("SID202"), finding("SID113", Severity.WARNING), finding("SID999")), symptom)
    assert [each.weight for each in found[:3]] == [2, 1, 0]
    assert "SID202" in found[0].cause.codes
    assert [each.code for each in found[1].findings] == ["SID113"]
    assert {each.cause for each in found} == set(usual)
    assert [each.cause for each in found[2:]] == [
        cause for cause in usual if not {"SID202", "SID113"} & set(cause.codes)
    ]


def test_a_cause_keeps_all_its_findings():
    symptom = symptom_named("hangs")
    (first, *_) = diagnose([finding("SID123", name="a"), finding("SID123", name="b")], symptom)
    assert [each.object.name for each in first.findings] == ["a", "b"]


def test_the_same_evidence_speaks_for_the_more_common_cause_first():
    symptom = symptom_named("proxy-oom-killed")
    found = diagnose([finding("SID115")], symptom)
    assert [each.cause for each in found if each.findings] == [c for c in symptom.causes if "SID115" in c.codes]


def test_names_are_unique_and_codes_exist():
    names = [symptom.name for symptom in SYMPTOMS]
    assert len(set(names)) == len(names)
    known = {rule.code for rule in RULES}
    assert {code for symptom in SYMPTOMS for cause in symptom.causes for code in cause.codes} <= known
    assert symptom_named("no-such-symptom") is None


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.name)
def test_every_cause_can_be_checked(symptom):
    assert symptom.causes
    for cause in symptom.causes:
        assert cause.what.endswith(".")
        assert cause.check
    assert len(set(symptom.causes)) == len(symptom.causes)


def test_every_code_of_the_pitfalls_explains_something_or_is_no_symptom():
    used = {code for symptom in SYMPTOMS for cause in symptom.causes for code in cause.codes}
    assert {rule.code for rule in RULES if rule.code >= "SID200"} - used == {"SID215"}, "a plan's obstacle, not a fault"
