import pytest
from tests.support.mesh import Sidecar, annotations_on, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.old_revision_sidecar import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import WEBHOOK

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


def test_reports_a_revision_that_is_gone_where_nobody_would_inject_the_next_pod():
    (found,) = findings(RULE, o.webhook("1-29"), labelled("shop", {"istio.io/rev": "1-26"}), *of("1-26"))
    assert found.severity == "error"
    assert "the next pod would get no sidecar; 1-26 is not installed any more" in found.message
    assert "label of an installed revision" in found.fix


def istiod(revision, version, name="istiod"):
    template = app("istiod")
    template["metadata"]["labels"]["istio.io/rev"] = revision
    template["spec"]["containers"][0] |= {"name": "discovery", "image": f"docker.io/istio/pilot:{version}"}
    return workload(template, name, "istio-system")


def of_image(image, annotations=None):
    template = annotations_on(inject(app("cart"), Sidecar(revision="1-29", image=image)), annotations or {})
    return o.webhook("1-29"), NEW, *workload(template, declared=app("cart"))


def test_reports_a_proxy_older_than_its_istiod():
    (found,) = findings(RULE, *istiod("1-29", "1.29.2-distroless"), *of_image("istio/proxyv2:1.29.0"))
    assert found.severity == "warning"
    assert "2 of release 1.29.0; the next pod would get 1-29 (istiod 1.29.2)" in found.message


@pytest.mark.parametrize(
    "image",
    [
        "istio/proxyv2:1.29.2",
        "istio/proxyv2:1.29.2-distroless",
        "x:5000/p:1.29.2-acme.1",
        "p@sha256:abc",
        "p:latest",
        "p",
    ],
)
def test_silent_on_the_same_release_and_on_tags_that_tell_none(image):
    assert findings(RULE, *istiod("1-29", "1.29.2"), *of_image(image)) == []


def test_silent_on_a_pinned_image_and_on_the_istiod_of_another_revision():
    assert findings(RULE, *istiod("1-28", "1.28.1"), *of_image("istio/proxyv2:1.29.0")) == []
    pinned = {"sidecar.istio.io/proxyImage": "istio/proxyv2:1.29.0"}
    assert findings(RULE, *istiod("1-29", "1.29.2"), *of_image("istio/proxyv2:1.29.0", pinned)) == []


def test_silent_where_no_sidecar_would_come_but_its_istiod_is_there():
    for installed in ((o.webhook("1-26"),), istiod("1-26", "1.29.2")):
        assert findings(RULE, o.webhook("1-29"), *installed, namespace("shop"), *of("1-26")) == []


def test_silent_where_webhooks_were_not_read():
    gap = Gap(WEBHOOK.key, GapReason.FORBIDDEN)
    assert findings(RULE, NEW, *of("1-26"), gaps=(gap,)) == []


def test_boundary_an_istiod_in_the_middle_of_its_own_upgrade_is_both():
    control = (*istiod("1-29", "1.29.2"), *istiod("1-29", "1.29.0", name="istiod-old"))
    assert findings(RULE, *control, *of_image("istio/proxyv2:1.29.0")) == []


def test_boundary_a_tag_is_its_revision():
    tagged = labelled("shop", {"istio.io/rev": "prod"})
    assert findings(RULE, o.webhook("1-29"), o.webhook("1-29", "prod"), tagged, *of("1-29")) == []
