from tests.support.mesh import findings, labelled, namespace

from sidestep.audit.rules.injection_labels_conflict import RULE


def test_reports_both_labels_and_who_wins():
    (found,) = findings(RULE, labelled("shop", {"istio-injection": "enabled", "istio.io/rev": "prod"}))
    assert found.also == ("IST0123",)
    assert "default revision injects" in found.message


def test_silent_on_either():
    spaces = (labelled("a", {"istio-injection": "enabled"}), labelled("b", {"istio.io/rev": "prod"}), namespace("c"))
    assert findings(RULE, *spaces) == []


def test_boundary_disabled_with_a_revision_injects_nothing():
    (found,) = findings(RULE, labelled("shop", {"istio-injection": "disabled", "istio.io/rev": "prod"}))
    assert "nothing is injected" in found.message
