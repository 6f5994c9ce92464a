"""SID202: a DestinationRule that has sidecars originate TLS to an external host: ztunnel sends what the app wrote."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import Members, members
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import DESTINATION_RULE
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.services import entries_for, is_served

_ORIGINATES = ("SIMPLE", "MUTUAL")


def _check(facts: Facts) -> Iterator[Found]:
    for rule in facts.mesh.of(DESTINATION_RULE):
        spec = rule.view.spec or {}
        modes = sorted(set(_modes(spec)))
        entries = entries_for(facts.mesh, as_text(spec.get("host"))) if modes else ()
        unserved = [entry for entry in entries if not is_served(facts.mesh, entry)]
        if unserved and (clients := _clients(facts, rule)):
            yield _found(rule, modes, unserved[0], clients)


def _found(rule: Resource[Any], modes: list[str], entry: Resource[Any], clients: Members) -> Found:
    host = (rule.view.spec or {}).get("host")
    when = "ambient pods that call it send plain text now" if clients.ambient else "after a migration it is sent plain"
    return Found(
        of_resource(rule),
        f"sidecars originate TLS ({'/'.join(modes)}) to {host}; ztunnel does not: what the app writes leaves as it is, "
        f"and {when}",
        "bind the ServiceEntry to an egress waypoint (istio.io/use-waypoint) with this rule in its namespace, or let "
        "the application speak TLS itself",
        (
            Evidence("trafficPolicy.tls.mode", "/".join(modes)),
            Evidence("ServiceEntry", f"{entry.meta.namespace}/{entry.meta.name}"),
            *clients.evidence(),
        ),
        clients.severity(Severity.ERROR, Severity.WARNING),
    )


def _modes(spec: dict[str, Any]) -> Iterator[str]:
    """Modes of the rule, of its ports and of its subsets that make a client open TLS."""
    policies = [as_dict(spec.get("trafficPolicy"))]
    policies += [as_dict(subset.get("trafficPolicy")) for subset in as_dicts(spec.get("subsets"))]
    for policy in policies:
        for level in (policy, *as_dicts(policy.get("portLevelSettings"))):
            mode = as_text(as_dict(level.get("tls")).get("mode"))
            if mode in _ORIGINATES:
                yield mode


def _clients(facts: Facts, rule: Resource[Any]) -> Members:
    """Who may use the rule; whether anybody calls the host cannot be seen."""
    exported = as_strings((rule.view.spec or {}).get("exportTo"))
    own = facts.by_namespace.get(rule.meta.namespace, ())
    return members(facts, own if exported == (".",) else facts.workloads)


RULE = Rule("SID202", "tls-origination-lost", "TLS origination is lost at ztunnel", Severity.ERROR, _check)
