"""What opens although everything is converted is a loss of security, and says what opens; its likes open nothing.

Each scene is migrated whole: the proof finds what opens, and the loss names the field that asked for it.
"""

import pytest
from tests.semantics.differences.cases.scene import callers, dr, methods, sidecars, to, vs
from tests.support import mesh as m
from tests.support.migrations import migrated, shown, town
from tests.support.scenes import peers, pods, policy, principal, service

from sidestep.convert.rewrite import Severity
from sidestep.prove.proof import Direction

WEB, DELETE = callers("web"), methods("DELETE")
ADMIN = {"to": [{"operation": {"paths": ["/admin*"]}}]}
SPARED = {"from": [{"source": {"notPrincipals": [principal("web")]}}]}
BYPASS = {"ambient.istio.io/bypass-inbound-capture": "true"}
OTHER = (pods("other", ip="10.1.0.5"), service("other"))


def hidden(to):
    found = service("cart")
    found["metadata"]["annotations"] = {"networking.istio.io/exportTo": to}
    return [*pods("web", space="desk", ip="10.1.0.1"), *pods("cart", ip="10.1.0.2"), found, peers("STRICT")]


def pair_with(**annotations):
    return [*pods("web", ip="10.1.0.1"), *pods("cart", ip="10.1.0.2", **annotations), service("cart"), peers("STRICT")]


def named(*names):
    return dr("cart", "cart", {"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": list(names)}})


def split(*policies):
    half = [{"destination": {"host": name}, "weight": 50} for name in ("cart", "other")]
    return sidecars(*OTHER, vs("cart", "cart", {"route": half}), *policies)


def rewritten(judge, rewrite):
    return sidecars(
        vs("cart", "cart", to("cart", match=[{"uri": {"prefix": "/v1/"}}], rewrite=rewrite), to("cart")), judge
    )


def streamed(protocol):
    route = {"route": [{"destination": {"host": "other", "port": {"number": 80}}}]}
    own = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "tcp": [route]})
    rule = {"to": [{"operation": {"methods": ["DELETE"], "ports": ["8081"]}}]}
    guard = policy("guard", rule, action="DENY", app="cart")
    other = (pods("other", ip="10.1.0.5"), service("other", protocol=protocol))
    http = {"name": "http", "port": 81, "targetPort": 8081}
    return sidecars(own, *other, guard, protocol="tcp", more_ports=(http,))


def security(found):
    return [each for each in found.losses if each.severity is Severity.SECURITY]


@pytest.mark.parametrize(
    ("scene", "field", "word"),
    [
        (sidecars(peers("DISABLE", "shop"), policy("p", WEB, app="cart")), "spec.mtls.mode", "shop/p"),
        (sidecars(peers("DISABLE", "shop"), policy("p", SPARED, action="DENY", app="cart")), "spec.mtls.mode", "D26"),
        (sidecars(named("spiffe://cluster.local/ns/x/sa/y")), "spec.trafficPolicy.tls.subjectAltNames", "D37"),
        (
            pair_with(annotations=BYPASS),
            "spec.template.metadata.annotations[ambient.istio.io/bypass-inbound-capture]",
            "D45",
        ),
        (hidden("."), "metadata.annotations[networking.istio.io/exportTo]", "D48"),
        (hidden("desk,shop"), "metadata.annotations[networking.istio.io/exportTo]", "may come"),
        (split(policy("p", DELETE, action="DENY", app="other")), "spec.http[0].route", "D54"),
        (
            rewritten(policy("p", ADMIN, action="DENY", app="cart"), {"uri": "/"}),
            "spec.http[0].rewrite",
            "request.path",
        ),
        (
            rewritten(
                policy("p", {"to": [{"operation": {"hosts": ["in.example.com"]}}]}, action="DENY", app="cart"),
                {"authority": "in.example.com"},
            ),
            "spec.http[0].rewrite.authority",
            "request.host",
        ),
        (streamed("http"), "spec.tcp[0].route", "HTTP"),
    ],
    ids=[
        "allow by name",
        "deny but for a name",
        "names",
        "bypass",
        "export",
        "export to some",
        "split",
        "path",
        "host",
        "bytes",
    ],
)
def test_what_opens_is_said(scene, field, word):
    found = migrated(town(*scene))
    assert [each for each in shown(found.proof()) if each.direction is Direction.OPEN]
    told = [each for each in security(found) if each.field == field]
    assert told
    assert word in f"{told[0].did} {told[0].why}"


@pytest.mark.parametrize(
    "scene",
    [
        sidecars(peers("DISABLE", "shop"), policy("p", DELETE, action="DENY", app="cart")),
        sidecars(peers("DISABLE", "shop"), policy("p", WEB, action="DENY", app="cart")),
        pair_with(annotations={"ambient.istio.io/bypass-inbound-capture": "false"}),
        hidden("*"),
        split(policy("p", WEB, app="other")),
        split(policy("p", DELETE, action="DENY")),
        rewritten(policy("p", DELETE, action="DENY", app="cart"), {"uri": "/"}),
        rewritten(policy("p", ADMIN, action="DENY", app="cart"), {"authority": "in.example.com"}),
        streamed("tcp"),
    ],
    ids=["disable", "refused by name", "no bypass", "public", "layer 4", "same", "method", "path", "tcp"],
)
def test_what_stays_as_it_was_is_no_loss_of_security(scene):
    found = migrated(town(*scene))
    assert security(found) == []
    assert [each for each in shown(found.proof()) if each.direction is Direction.OPEN] == []
