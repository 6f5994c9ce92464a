"""What has no effect is counted and said, and what has one is not."""

from tests.support.labs import ambient, namespace, workload

from sidestep.lab.cluster.unheeded import unheeded, without_sidecar
from sidestep.report.lab.notes import sidecar_line, unheeded_lines


def thing(kind, group="networking.istio.io/v1", **spec):
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "a", "namespace": "shop"}, "spec": spec}


def test_what_runs_is_not_named():
    policy = thing("AuthorizationPolicy", "security.istio.io/v1", rules=[])
    mtls = thing("PeerAuthentication", "security.istio.io/v1")
    assert unheeded([*workload("web"), ambient("shop"), policy, mtls, thing("ServiceEntry")]) == []


def test_kinds_are_counted_with_their_reason():
    found = unheeded([thing("VirtualService"), thing("VirtualService"), thing("Gateway"), thing("Oddity", "e.com/v1")])
    assert unheeded_lines(found) == [
        "1 Gateway has no effect: gateways do not run in the lab yet",
        "1 Oddity has no effect: nothing in the lab reads them",
        "2 VirtualServices have no effect: sidecars and waypoints do not run in the lab yet",
    ]


def test_plurals_are_english():
    policies = [thing("NetworkPolicy", "networking.k8s.io/v1")] * 2 + [thing("Ingress", "networking.k8s.io/v1")] * 2
    assert [each.split(" have")[0] for each in unheeded_lines(unheeded(policies))] == [
        "2 Ingresses",
        "2 NetworkPolicies",
    ]


def test_a_policy_for_a_waypoint_has_no_effect_here():
    targeted = thing("AuthorizationPolicy", "security.istio.io/v1", targetRefs=[{"kind": "Service", "name": "web"}])
    assert [each.kind for each in unheeded([targeted])] == ["AuthorizationPolicy"]


def test_who_is_meant_to_have_a_sidecar():
    injected = {"labels": {"sidecar.istio.io/inject": "true"}}
    own = workload("own")
    own[0]["spec"]["template"]["metadata"] = injected
    out = workload("out", "meshed")
    out[0]["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    spaces = [namespace("meshed", **{"istio-injection": "enabled"}), namespace("rev", **{"istio.io/rev": "a"})]
    every = [*spaces, *own, *out, *workload("in", "meshed"), *workload("by", "rev"), *workload("plain")]
    found = without_sidecar(every)
    assert found == ["Deployment meshed/in", "Deployment rev/by", "Deployment shop/own"]
    assert sidecar_line(found).endswith(
        "are meant to have a sidecar and run without: sidecars do not run in the lab yet"
    )
    assert sidecar_line(found[:1]).startswith("Deployment meshed/in is meant")
    assert sidecar_line([]) == ""
