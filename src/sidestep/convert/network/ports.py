"""The ports that a NetworkPolicy let in, put back as an AuthorizationPolicy: over HBONE all ports are one.

Source: istio-semantics.md §6.1 (l), §3.6. Said only where it comes to the same for everybody: one policy selects the
pods, and all of its rules name the same TCP ports.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.convert.network.hbone import HBONE, is_of_tcp, is_probe
from sidestep.convert.objects import made
from sidestep.convert.rewrite import Context, Tree
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.network_policies import ingress_policies


class Restriction(Struct, frozen=True):
    """What is left of the ports.

    Attributes:
        manifest: the policy that holds them; None where there is none to make.
        reason: why the ports cannot be held; empty where they are, or where none were named.
    """

    manifest: Tree | None = None
    reason: str = ""


def restriction(
    resource: Resource[Any], rules: list[Tree], pods: tuple[Instances, ...], context: Context, code: str
) -> Restriction:
    """The ports of a policy's ingress rules as an AuthorizationPolicy on the same pods."""
    own = [rule for rule in rules if rule.get("ports") != [HBONE] and not is_probe(rule) and is_of_tcp(rule)]
    if not any(as_dicts(rule.get("ports")) for rule in own):
        return Restriction()
    told = [_numbers(as_dicts(rule.get("ports")), pods) for rule in own]
    if None in told or not all(told):
        return Restriction(reason="its rules name ports by range, or some name none")
    if any(each != told[0] for each in told):
        return Restriction(reason="its rules name other ports for other peers")
    if any(len(ingress_policies(context.index.mesh, each.shape)) > 1 for each in pods):
        return Restriction(reason="other NetworkPolicies let in on other ports of the same pods")
    selector = (resource.tree().get("spec") or {}).get("podSelector") or {}
    if selector.get("matchExpressions"):
        return Restriction(reason="it selects pods by expressions, which an AuthorizationPolicy cannot")
    return Restriction(_policy(resource, selector, told[0] or frozenset(), code))


def _policy(resource: Resource[Any], selector: Tree, ports: Iterable[int], code: str) -> Tree:
    rule = {"to": [{"operation": {"notPorts": [str(port) for port in sorted(ports)]}}]}
    spec: Tree = {"action": "DENY", "rules": [rule]}
    if selector.get("matchLabels"):
        spec = {"selector": {"matchLabels": selector["matchLabels"]}, **spec}
    of = (AUTHORIZATION_POLICY.api_version(), AUTHORIZATION_POLICY.name)
    return made(of, (resource.meta.namespace, f"{resource.meta.name}-ports"), spec, str(resource.id), code)


def _numbers(ports: list[Tree], pods: tuple[Instances, ...]) -> frozenset[int] | None:
    """The TCP ports of a rule; None where they cannot be told, or a range would have to be listed."""
    found: set[int] = set()
    for port in ports:
        if port.get("protocol", "TCP") != "TCP":
            continue
        written = port.get("port")
        if isinstance(written, str):
            named = {each.container_ports.get(written) for each in pods}
            if len(named) != 1 or None in named:
                return None
            found |= {number for number in named if number is not None}
        elif isinstance(written, int) and not port.get("endPort"):
            found.add(written)
        else:
            return None
    return frozenset(found)
