"""Whether policies at the pods let a waypoint in, whose identity they see instead of its clients'.

Source: istio-semantics.md §3.3 (string forms), §3.6, D02, P7, P10. What cannot be told (addresses, ports, HTTP) counts
in the waypoint's favour, so that a refusal is certain.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text


class Peer(Struct, frozen=True):
    """A waypoint as the pods see it.

    Attributes:
        namespace: its own.
        account: its service account, which bears the Gateway's name.
        trust_domains: of the control planes.
    """

    namespace: str
    account: str
    trust_domains: frozenset[str]

    @property
    def principal(self) -> str:
        """As a policy would name it."""
        return f"{min(self.trust_domains)}/ns/{self.namespace}/sa/{self.account}"


def refuses(policies: Iterable[tuple[str, dict[str, Any]]], peer: Peer) -> str | None:
    """Why a set of policies, given by name and spec, certainly refuses a peer; None where it may get in."""
    allows = []
    for name, spec in policies:
        action = as_text(spec.get("action")) or "ALLOW"
        rules = as_dicts(spec.get("rules"))
        if action == "DENY" and any(_surely_denies(rule, peer) for rule in rules):
            return f"{name} denies it"
        if action == "ALLOW":
            allows.append((name, rules))
    if not allows or any(_may_admit(rule, peer) for _, rules in allows for rule in rules):
        return None
    return f"no rule of {', '.join(name for name, _ in allows)} admits it"


def _may_admit(rule: dict[str, Any], peer: Peer) -> bool:
    sources = [as_dict(each.get("source")) for each in as_dicts(rule.get("from"))]
    named = not sources or any(_matches(source, peer) is not False for source in sources)
    return named and all(_condition(each, peer) is not False for each in as_dicts(rule.get("when")))


def _surely_denies(rule: dict[str, Any], peer: Peer) -> bool:
    if rule.get("to") or rule.get("when"):
        return False
    sources = [as_dict(each.get("source")) for each in as_dicts(rule.get("from"))]
    return not sources or any(_matches(source, peer) is True for source in sources)


def _matches(source: dict[str, Any], peer: Peer) -> bool | None:
    """Whether a source means the peer; None where a field decides that cannot be told."""
    answers = [_field(name, as_strings(values), peer) for name, values in source.items() if values]
    if False in answers:
        return False
    return None if None in answers else True


def _field(name: str, values: tuple[str, ...], peer: Peer) -> bool | None:
    plain = name[3:4].lower() + name[4:] if name.startswith("not") else name
    match plain:
        case "principals":
            found = any(_principal(value, peer) for value in values)
        case "namespaces":
            found = any(fits(value, peer.namespace) for value in values)
        case "serviceAccounts":
            found = any(value in (peer.account, f"{peer.namespace}/{peer.account}") for value in values)
        case _:
            return None
    return found is not name.startswith("not")


def _condition(condition: dict[str, Any], peer: Peer) -> bool | None:
    fields = {"source.principal": "principals", "source.namespace": "namespaces"}
    field = fields.get(as_text(condition.get("key")))
    if field is None:
        return None
    wanted, unwanted = as_strings(condition.get("values")), as_strings(condition.get("notValues"))
    refused = "not" + field[0].upper() + field[1:]
    return _matches({field: list(wanted), refused: list(unwanted)}, peer)


def _principal(value: str, peer: Peer) -> bool:
    """A policy may be written for a trust domain whose configuration was not read, so that its own word is taken."""
    domains = {*peer.trust_domains, value.partition("/")[0]}
    return any(fits(value, f"{domain}/ns/{peer.namespace}/sa/{peer.account}") for domain in domains)


def fits(pattern: str, value: str) -> bool:
    """Presence, suffix, prefix or equality, by where the `*` stands."""
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
