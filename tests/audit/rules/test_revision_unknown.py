from tests.support.mesh import app, findings, labelled, labels_on, namespace, o, pod, waypoint, workload

from sidestep.audit.rules.revision_unknown import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import WEBHOOK
from sidestep.model.mesh import SourceKind


def test_reports_a_namespace_of_a_revision_that_is_gone():
    (found,) = findings(RULE, o.webhook("1-29"), labelled("shop", {"istio.io/rev": "1-26"}))
    assert found.severity == "error"
    assert "1-29" in found.fix


def test_reports_a_pod_of_a_revision_that_is_gone():
    template = labels_on(app("cart"), {"istio.io/rev": "1-26"})
    (found,) = findings(RULE, o.webhook("1-29"), namespace("shop"), *workload(template))
    assert found.object.kind == "Deployment"


def test_silent_on_revisions_and_tags():
    installed = (o.webhook("1-29"), o.webhook("1-29", "prod"))
    spaces = (labelled("a", {"istio.io/rev": "1-29"}), labelled("b", {"istio.io/rev": "prod"}))
    assert findings(RULE, *installed, *spaces) == []


def test_silent_where_another_label_decides():
    both = labelled("shop", {"istio-injection": "enabled", "istio.io/rev": "gone"})
    assert findings(RULE, o.webhook("default"), both) == []


def asking(**labels):
    template = app("cart")
    template["metadata"]["labels"] |= {"istio.io/rev": "gone", **labels}
    return template


def test_silent_on_pods_that_decline_or_can_never_be_injected():
    declining = asking(**{"sidecar.istio.io/inject": "false"})
    on_the_host = asking()
    on_the_host["spec"]["hostNetwork"] = True
    for template in (declining, on_the_host, waypoint("wp")):
        template["metadata"]["labels"]["istio.io/rev"] = "gone"
        assert findings(RULE, o.webhook("1-29"), namespace("shop"), *workload(template)) == []


def test_silent_where_the_namespace_decides_or_was_not_read():
    for space in (
        (labelled("shop", {"istio.io/rev": "1-29"}),),
        (labelled("shop", {"istio-injection": "disabled"}),),
        (),
    ):
        assert findings(RULE, o.webhook("1-29"), *space, *workload(asking())) == []


def test_reports_a_bare_pod():
    (found,) = findings(RULE, o.webhook("1-29"), namespace("shop"), pod(asking()))
    assert found.object.kind == "Pod"


def test_boundary_a_tag_does_not_make_its_revision_a_name():
    (found,) = findings(RULE, o.webhook("1-29", "prod"), labelled("shop", {"istio.io/rev": "1-29"}))
    assert "(prod)" in found.fix


def test_boundary_without_any_injector_no_name_is_recommended():
    (found,) = findings(RULE, labelled("shop", {"istio.io/rev": "1-26"}))
    assert "remove the label" in found.fix


def test_boundary_an_empty_label_asks_for_nothing_and_forbids_everything():
    assert len(findings(RULE, o.webhook("default"), labelled("shop", {"istio.io/rev": ""}))) == 1


def test_boundary_silent_where_webhooks_were_not_read():
    gap = Gap(WEBHOOK.key, GapReason.FORBIDDEN)
    assert findings(RULE, labelled("shop", {"istio.io/rev": "x"}), gaps=(gap,)) == []
    assert findings(RULE, labelled("shop", {"istio.io/rev": "x"}), kind=SourceKind.FILES) == []
