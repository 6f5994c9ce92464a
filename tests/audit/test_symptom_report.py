"""What may be behind a symptom, as a document."""

from tests.support.scenes import index, pods, policy, service

from sidestep.audit.audit import judge
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.audit.symptom_report import symptom_answer
from sidestep.audit.symptoms import SYMPTOMS
from sidestep.model.telemetry import Telemetry


def findings():
    readers = policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart")
    return judge(gather(index(pods("cart"), service("cart"), readers).mesh, Telemetry(), Options()))


def test_a_cause_that_findings_speak_for_comes_first_with_them():
    told = symptom_answer("upstream connect error or disconnect/reset before headers", findings(), "findings")
    first, *rest = told.symptoms[0].causes
    assert first.likelihood.startswith(("likely", "possible"))
    assert {each.code for each in first.findings} <= set(first.codes)
    assert [each for each in rest if not each.findings] == [each for each in rest if "by hand" in each.likelihood]


def test_without_findings_everything_is_to_be_checked():
    told = symptom_answer("connection reset by peer", (), "none")
    assert told.symptoms
    assert {cause.likelihood for each in told.symptoms for cause in each.causes} == {"to be checked by hand"}
    assert told.known == ()


def test_words_that_fit_nothing_list_what_is_known():
    told = symptom_answer("zzz qqq", findings(), "findings")
    assert told.symptoms == ()
    assert told.known == tuple(each.title for each in SYMPTOMS)


def test_no_more_than_three_symptoms_are_told():
    assert len(symptom_answer("503", findings(), "findings").symptoms) <= 3
