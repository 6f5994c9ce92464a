"""Who injects: the truth table of the webhooks, and the injector's five questions."""

import pytest
from tests.support.mesh import mesh, namespace, o

from sidestep.model.mesh import SourceKind
from sidestep.model.views.apps import LabelSelector, WebhookEntry
from sidestep.semantics.injection import Candidate, Injector, InjectorPolicy, Result, decide
from sidestep.semantics.injectors import assumed_injector, injectors

DEFAULT, CANARY = assumed_injector("default"), assumed_injector("canary")
INSTALLED = (DEFAULT, CANARY)
INJECT, REV = "sidecar.istio.io/inject", "istio.io/rev"


def candidate(namespace_labels, labels=None, annotations=None, name="shop", *, host_network=False) -> Candidate:
    return Candidate(name, namespace_labels, labels or {}, annotations or {}, host_network)


TABLE = [
    # namespace labels, pod labels, revision that injects (None: nobody)
    ({"istio-injection": "enabled"}, {}, "default"),
    ({"istio-injection": "enabled"}, {INJECT: "true"}, "default"),
    ({"istio-injection": "enabled", REV: "canary"}, {}, "default"),
    ({"istio-injection": "enabled", REV: "canary"}, {INJECT: "true"}, "default"),
    ({"istio-injection": "enabled", REV: "gone"}, {}, "default"),
    ({"istio-injection": "enabled"}, {REV: "canary"}, "default"),
    ({"istio-injection": "enabled"}, {INJECT: "false"}, None),
    ({"istio-injection": "enabled", REV: "canary"}, {INJECT: "false"}, None),
    ({"istio-injection": "disabled"}, {}, None),
    ({"istio-injection": "disabled"}, {INJECT: "true"}, None),
    ({"istio-injection": "disabled", REV: "canary"}, {}, None),
    ({"istio-injection": "Enabled"}, {INJECT: "true", REV: "canary"}, None),
    ({"istio-injection": "disabled"}, {REV: "canary"}, None),
    ({"istio-injection": ""}, {INJECT: "true"}, None),
    ({REV: "canary"}, {}, "canary"),
    ({REV: "canary"}, {INJECT: "true"}, "canary"),
    ({REV: "canary"}, {REV: "default"}, "canary"),
    ({REV: "canary"}, {INJECT: "false"}, None),
    ({}, {INJECT: "true"}, "default"),
    ({}, {INJECT: "true", REV: "canary"}, "canary"),
    ({}, {REV: "canary"}, "canary"),
    ({}, {REV: "canary", INJECT: "false"}, None),
    ({}, {}, None),
    ({}, {INJECT: "false"}, None),
    ({}, {INJECT: "yes"}, None),
    ({}, {INJECT: "True"}, None),
    ({REV: "gone"}, {}, None),
    ({REV: "gone"}, {INJECT: "true"}, None),
    ({REV: "gone"}, {REV: "canary"}, None),
    ({REV: ""}, {INJECT: "true", REV: "canary"}, None),
    ({}, {INJECT: "true", REV: "gone"}, None),
    ({}, {REV: "gone"}, None),
]


@pytest.mark.parametrize(("namespace_labels", "labels", "revision"), TABLE)
def test_the_truth_table(namespace_labels, labels, revision):
    answer = decide(INSTALLED, candidate(namespace_labels, labels))
    assert (answer.revision, answer.result is Result.INJECTED) == (revision, revision is not None)
    assert answer.reason


def by_default() -> Injector:
    """The default revision of an installation with `enableNamespacesByDefault`."""
    neither = [{"key": key, "operator": "DoesNotExist"} for key in ("istio-injection", REV)]
    spaces = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]
    named = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": spaces}
    silent = [{"key": key, "operator": "DoesNotExist"} for key in (INJECT, REV)]
    webhook = o.webhook("default")
    webhook["webhooks"].append(
        {
            "name": "auto.sidecar-injector.istio.io",
            "namespaceSelector": {"matchExpressions": [*neither, named]},
            "objectSelector": {"matchExpressions": silent},
        }
    )
    return injectors(mesh(webhook)).installed[0]


@pytest.mark.parametrize(
    ("namespace_labels", "labels", "name", "injected"),
    [
        ({}, {}, "shop", True),
        ({}, {INJECT: "false"}, "shop", False),
        ({}, {REV: "gone"}, "shop", False),
        ({"istio-injection": "disabled"}, {}, "shop", False),
        ({REV: "gone"}, {}, "shop", False),
        ({}, {}, "kube-system", False),
        ({}, {}, "local-path-storage", False),
    ],
)
def test_namespaces_by_default(namespace_labels, labels, name, injected):
    answer = decide((by_default(),), candidate(namespace_labels, labels, name=name))
    assert (answer.result is Result.INJECTED) is injected


def test_of_a_namespace_that_was_not_read_only_its_name_can_answer():
    unread = {name: decide((by_default(),), Candidate(name, None, {}, {})) for name in ("kube-system", "shop")}
    assert {name: answer.result for name, answer in unread.items()} == {
        "kube-system": Result.NOT_INJECTED,
        "shop": Result.UNKNOWN,
    }


def test_without_a_default_revision_its_labels_are_answered_by_nobody():
    for namespace_labels, labels in (({"istio-injection": "enabled"}, {}), ({}, {INJECT: "true"})):
        answer = decide((CANARY,), candidate(namespace_labels, labels))
        assert (answer.result, "no default revision" in answer.reason) == (Result.NOT_INJECTED, True)


def test_an_annotation_alone_is_never_seen():
    answer = decide(INSTALLED, candidate({}, annotations={INJECT: "true"}))
    assert answer.result is Result.NOT_INJECTED
    assert "annotation" in answer.reason


def test_an_annotation_declines_where_the_webhook_is_called():
    answer = decide(INSTALLED, candidate({"istio-injection": "enabled"}, annotations={INJECT: "false"}))
    assert answer.result is Result.NOT_INJECTED


def test_a_label_hides_the_annotation_even_when_it_is_empty():
    enabled = {"istio-injection": "enabled"}
    assert decide(INSTALLED, candidate(enabled, {INJECT: ""}, {INJECT: "false"})).result is Result.INJECTED


@pytest.mark.parametrize("value", ["yes", "True", "False", "1", ""])
def test_what_is_no_boolean_is_left_to_the_default_policy(value):
    answer = decide(INSTALLED, candidate({"istio-injection": "enabled"}, {INJECT: value}))
    assert answer.result is Result.INJECTED
    assert "injector policy enabled" in answer.reason


@pytest.mark.parametrize(
    ("policy", "explicit", "injected"),
    [
        ("enabled", None, True), ("enabled", "true", True), ("enabled", "false", False),
        ("disabled", None, False), ("disabled", "true", True),
        ("off", None, False), ("off", "true", False),
    ],
)  # fmt: skip
def test_the_injectors_policy(policy, explicit, injected):
    asked = _injector(InjectorPolicy(policy))
    annotations = {INJECT: explicit} if explicit else {}
    answer = decide((asked,), candidate({"istio-injection": "enabled"}, annotations=annotations))
    assert (answer.result is Result.INJECTED) is injected


def test_selectors_of_the_injector_do_not_help_against_an_illegal_policy():
    asked = _injector(InjectorPolicy("off", always=(LabelSelector({"app": "cart"}),)))
    answer = decide((asked,), candidate({"istio-injection": "enabled"}, {"app": "cart"}))
    assert answer.result is Result.NOT_INJECTED
    assert "'off'" in answer.reason


CART = (LabelSelector({"app": "cart"}),)
ORDER = [
    # each question is answered by the one before it, whatever those after it say
    ({"host_network": True}, {INJECT: "true"}, InjectorPolicy(always=CART), "hostNetwork"),
    ({"name": "kube-system"}, {INJECT: "true"}, InjectorPolicy(always=CART), "kube-system is never injected"),
    ({}, {INJECT: "true"}, InjectorPolicy("disabled", never=CART), f"pod label {INJECT}=true"),
    ({}, {}, InjectorPolicy("enabled", never=CART, always=CART), "neverInjectSelector"),
    ({}, {}, InjectorPolicy("disabled", always=CART), "alwaysInjectSelector"),
    ({}, {}, InjectorPolicy("disabled"), "injector policy disabled"),
]


@pytest.mark.parametrize(("place", "labels", "policy", "because"), ORDER)
def test_the_first_answer_wins(place, labels, policy, because):
    answer = decide((_injector(policy),), candidate({"istio-injection": "enabled"}, {"app": "cart", **labels}, **place))
    assert because in answer.reason


@pytest.mark.parametrize("explicit", ["label", "annotation"])
def test_an_explicit_false_beats_always(explicit):
    # A label would already keep the webhook away, so that only a webhook without selectors shows the injector's answer.
    asked = Injector(
        "test", "default", (WebhookEntry("x.sidecar-injector.istio.io"),), policy=InjectorPolicy(always=CART)
    )
    labels = {"app": "cart", **({INJECT: "false"} if explicit == "label" else {})}
    annotations = {INJECT: "false"} if explicit == "annotation" else {}
    answer = decide((asked,), candidate({}, labels, annotations))
    assert (answer.result, answer.reason) == (Result.NOT_INJECTED, f"pod {explicit} {INJECT}=false")


def test_never_beats_always_and_both_yield_to_an_explicit_value():
    both = (LabelSelector({"app": "cart"}),)
    asked = _injector(InjectorPolicy("disabled", never=both, always=both))
    enabled, cart = {"istio-injection": "enabled"}, {"app": "cart"}
    assert "neverInjectSelector" in decide((asked,), candidate(enabled, cart)).reason
    assert decide((asked,), candidate(enabled, {**cart, INJECT: "true"})).result is Result.INJECTED
    always = _injector(InjectorPolicy("disabled", always=both))
    assert decide((always,), candidate(enabled, cart)).result is Result.INJECTED


def test_empty_selectors_of_the_injector_are_skipped():
    asked = _injector(InjectorPolicy(never=(LabelSelector(),)))
    assert decide((asked,), candidate({"istio-injection": "enabled"})).result is Result.INJECTED


def test_host_network_and_system_namespaces_never():
    enabled = {"istio-injection": "enabled"}
    assert decide(INSTALLED, candidate(enabled, host_network=True)).result is Result.NOT_INJECTED
    assert decide(INSTALLED, candidate(enabled, name="kube-system")).result is Result.NOT_INJECTED


def test_without_the_namespace_nobody_can_tell_unless_the_pod_refuses():
    assert decide(INSTALLED, candidate(None)).result is Result.UNKNOWN
    assert decide(INSTALLED, candidate(None, {INJECT: "false"})).result is Result.NOT_INJECTED
    assert decide(INSTALLED, candidate(None, host_network=True)).result is Result.NOT_INJECTED


def test_without_injectors_nothing_is_injected():
    assert "no sidecar injector" in decide((), candidate({"istio-injection": "enabled"})).reason


def test_the_generated_webhooks_and_the_assumed_ones_select_alike():
    real = injectors(mesh(o.webhook("default"), o.webhook("canary")))
    for namespace_labels, labels, revision in TABLE:
        assert real.decide(candidate(namespace_labels, labels)).revision == revision


def test_a_tag_names_its_revision():
    found = injectors(mesh(o.webhook("1-29"), o.webhook("1-29", "prod")))
    assert found.names == {"1-29", "prod"}
    assert found.decide(candidate({REV: "prod"})).revision == "1-29"


def test_a_revision_that_only_a_tag_reaches_answers_to_the_tag_alone():
    found = injectors(mesh(o.webhook("1-29", "prod")))
    assert (found.names, found.revisions) == ({"prod"}, {"1-29"})
    assert found.answers(candidate({REV: "prod"}))
    assert not found.answers(candidate({REV: "1-29"}))


def test_a_default_revision_that_a_tag_replaced_answers_no_more():
    """`istioctl tag set default` leaves the old webhooks in place, with a term that no namespace can meet."""
    replaced = o.webhook("default")
    never = {"key": "istio.io/deactivated", "operator": "In", "values": ["never-match"]}
    for entry in replaced["webhooks"]:
        entry["namespaceSelector"]["matchExpressions"].append(never)
    found = injectors(mesh(replaced, o.webhook("1-29", "default")))
    for namespace_labels, labels in (
        ({"istio-injection": "enabled"}, {}),
        ({}, {INJECT: "true"}),
        ({REV: "default"}, {}),
    ):
        assert found.decide(candidate(namespace_labels, labels)).revision == "1-29"


def test_what_is_assumed_says_so():
    unread = injectors(mesh(kind=SourceKind.FILES))
    answer = unread.decide(candidate({REV: "prod"}))
    assert (unread.assumed, answer.revision) == (True, "prod")
    assert "webhooks were not read" in answer.chain[-1]
    read = injectors(mesh(o.webhook("prod"), kind=SourceKind.FILES))
    assert not any("were not read: those" in step for step in read.decide(candidate({REV: "prod"})).chain)


def test_the_injectors_config_map_is_read():
    config = o.injector_config("default")
    config["data"]["config"] = "policy: disabled\nneverInjectSelector:\n- matchLabels: {app: x}\n"
    found = injectors(mesh(o.webhook("default"), config, namespace()))
    assert found.installed[0].policy.policy == "disabled"
    assert not found.installed[0].policy.assumed
    assert found.decide(candidate({"istio-injection": "enabled"})).result is Result.NOT_INJECTED


def test_foreign_webhooks_are_no_injectors():
    foreign = o.webhook("default")
    foreign["webhooks"] = [{**entry, "name": "inject.example.com"} for entry in foreign["webhooks"]]
    assert injectors(mesh(foreign)).installed == ()


def _injector(policy: InjectorPolicy) -> Injector:
    return Injector("test", "default", DEFAULT.entries, policy=policy)
