from tests.support.mesh import findings, labelled, namespace, o

from sidestep.audit.rules.injection_labels_conflict import RULE

BOTH = labelled("shop", {"istio-injection": "enabled", "istio.io/rev": "prod"})


def test_reports_both_labels_who_wins_and_what_removing_one_wakes():
    (found,) = findings(RULE, o.webhook("default"), o.webhook("1-29", "prod"), BOTH)
    assert found.also == ("IST0123",)
    assert found.message == (
        "istio-injection=enabled hides istio.io/rev=prod: now revision default injects; "
        "once istio-injection is removed, revision 1-29 injects"
    )


def test_reports_that_nobody_answers_to_the_label_that_would_wake():
    (found,) = findings(RULE, o.webhook("default"), BOTH)
    assert "once istio-injection is removed, nothing is injected" in found.message
    assert "istio.io/rev=prod, which no installed revision or tag answers to" in found.message


def test_silent_on_either():
    spaces = (labelled("a", {"istio-injection": "enabled"}), labelled("b", {"istio.io/rev": "prod"}), namespace("c"))
    assert findings(RULE, *spaces) == []


def test_boundary_disabled_with_a_revision_injects_nothing_until_it_goes():
    both = labelled("shop", {"istio-injection": "disabled", "istio.io/rev": "prod"})
    (found,) = findings(RULE, o.webhook("prod"), both)
    assert "now nothing is injected" in found.message
    assert "once istio-injection is removed, revision prod injects" in found.message


def test_boundary_empty_values_are_labels_too():
    assert len(findings(RULE, labelled("shop", {"istio-injection": "", "istio.io/rev": ""}))) == 1
