from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.old_revision_sidecar import RULE

NEW = labelled("shop", {"istio.io/rev": "1-29"})


def of(revision):
    return workload(inject(app("cart"), Sidecar(revision=revision)), declared=app("cart"))


def test_reports_another_revision():
    (found,) = findings(RULE, o.webhook("1-29"), o.webhook("1-28"), NEW, *of("1-28"))
    assert found.severity == "warning"
    assert "2 of revision 1-28; the next pod would get 1-29" in found.message


def test_reports_a_revision_that_is_gone_as_an_error():
    (found,) = findings(RULE, o.webhook("1-29"), NEW, *of("1-26"))
    assert found.severity == "error"
    assert "not installed" in found.message


def test_silent_on_the_same_revision():
    assert findings(RULE, o.webhook("1-29"), NEW, *of("1-29")) == []


def test_silent_where_no_sidecar_would_come():
    assert findings(RULE, o.webhook("1-29"), namespace("shop"), *of("1-26")) == []


def test_boundary_a_tag_is_its_revision():
    tagged = labelled("shop", {"istio.io/rev": "prod"})
    assert findings(RULE, o.webhook("1-29"), o.webhook("1-29", "prod"), tagged, *of("1-29")) == []
