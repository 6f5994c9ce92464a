from tests.support.mesh import app, findings, labelled, labels_on, namespace, o, workload

from sidestep.audit.rules.revision_unknown import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import WEBHOOK
from sidestep.model.mesh import SourceKind


def test_reports_a_namespace_of_a_revision_that_is_gone():
    (found,) = findings(RULE, o.webhook("1-29"), labelled("shop", {"istio.io/rev": "1-26"}))
    assert found.severity == "error"
    assert "1-29" in found.fix


def test_reports_a_pod_of_a_revision_that_is_gone():
    template = labels_on(app("cart"), istio_io__rev="1-26")
    template["metadata"]["labels"]["istio.io/rev"] = "1-26"
    (found,) = findings(RULE, o.webhook("1-29"), namespace("shop"), *workload(template))
    assert found.object.kind == "Deployment"


def test_silent_on_revisions_and_tags():
    installed = (o.webhook("1-29"), o.webhook("1-29", "prod"))
    spaces = (labelled("a", {"istio.io/rev": "1-29"}), labelled("b", {"istio.io/rev": "prod"}))
    assert findings(RULE, *installed, *spaces) == []


def test_silent_where_another_label_decides():
    both = labelled("shop", {"istio-injection": "enabled", "istio.io/rev": "gone"})
    assert findings(RULE, o.webhook("default"), both) == []


def test_boundary_silent_where_webhooks_were_not_read():
    gap = Gap(WEBHOOK.key, GapReason.FORBIDDEN)
    assert findings(RULE, labelled("shop", {"istio.io/rev": "x"}), gaps=(gap,)) == []
    assert findings(RULE, labelled("shop", {"istio.io/rev": "x"}), kind=SourceKind.FILES) == []
