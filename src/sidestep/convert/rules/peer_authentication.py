"""SID304: PeerAuthentications in words that ztunnel reads as sidecars do.

Source: istio-semantics.md §4.1, D26 to D28. What ztunnel is sent is not argued about: each wording is put through
istiod's own conversion, and the first that refuses plaintext on just the same ports is taken.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.objects import added, made, replaced, spec_of, with_new_spec
from sidestep.convert.policies.layers import reached
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.rewrite import Change, Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.authentication.peers import Levels, Mtls, PeerPolicy, effective, parse_peer_policy
from sidestep.semantics.authentication.peers_at_ztunnel import derived
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.loose import as_dict

CODE = "SID304"
_SOME_OTHER_PORT = 65535
_IDENTITY = frozenset({
    Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN,
})  # fmt: skip


class _Wording(Struct, frozen=True):
    """One way to say it: the policy, and ports that an AuthorizationPolicy keeps plaintext from."""

    policy: PeerPolicy
    guarded: tuple[int, ...] = ()


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    policy = parse_peer_policy(resource)
    found = readers(context, resource)
    if not found.ambient:
        return Rewritten()
    if policy.invalid:
        why = f"it could not be read: {policy.invalid}"
        return Rewritten((), (_loss(resource, "spec", "it is left as it is", why, "correct it", Severity.SECURITY),))
    spec = spec_of(resource)
    if "selector" in spec and not policy.selector:
        spec = {key: value for key, value in spec.items() if key != "selector"}
    if not policy.selector:
        return _with_disabled(resource, spec, found, ())
    return _of_workloads(resource, policy, found, spec)


def _of_workloads(resource: Resource[Any], policy: PeerPolicy, found: Readers, spec: Tree) -> Rewritten:
    """The one that counts for its pods: the oldest that selects them."""
    index = found.context.index
    told = [pods for pods in found.ambient if (own := index.peer_levels(pods).workload) and own.id == resource.id]
    if not told:
        return Rewritten()
    levels = index.peer_levels(told[0])
    ports = (*sorted(reached(told) | set(policy.ports)), _SOME_OTHER_PORT)
    chosen = next((each for each in _wordings(policy, levels) if _holds(each, levels, ports)), None)
    if chosen is None:
        why = "no wording is known that ztunnel reads as sidecars read this one (D27, D28)"
        did = f"it said on which ports of {names_of(told)} plaintext is refused"
        instead = "state it by AuthorizationPolicies with notPrincipals and ports"
        return Rewritten((), (_loss(resource, "spec", did, why, instead, Severity.SECURITY),))
    if chosen.policy.mode is not policy.mode:
        spec = {**spec, "mtls": {**as_dict(spec.get("mtls")), "mode": chosen.policy.mode.value}}
    guard = added(found.context, _guard(resource, chosen), resource.id, CODE)
    return _with_disabled(resource, spec, found, tuple(guard))


def _wordings(policy: PeerPolicy, levels: Levels) -> Iterator[_Wording]:
    """As it stands; with the inherited mode written out; and that with strict ports guarded by another policy."""
    explicit = policy if policy.mode is not Mtls.UNSET else replace(policy, mode=effective(levels, 0).mode)
    strict = tuple(port for port, mode in sorted(policy.ports.items()) if mode is Mtls.STRICT)
    yield _Wording(policy)
    yield _Wording(explicit)
    yield _Wording(explicit, strict)


def _holds(wording: _Wording, levels: Levels, ports: tuple[int, ...]) -> bool:
    """Whether ztunnel refuses plaintext where sidecars do, and nowhere else; and sidecars read it as before."""
    now = replace(levels, workload=wording.policy)
    enforced = ZtunnelSet(derived(now, ""))
    for port in ports:
        wanted = effective(levels, port).mode
        refused = enforced.judge(Seen(destination_port=port)).allowed is False or port in wording.guarded
        if refused is not (wanted is Mtls.STRICT) or effective(now, port).mode is not wanted:
            return False
    return True


def _guard(resource: Resource[Any], chosen: _Wording) -> list[Tree]:
    """Nobody without an identity on ports that are STRICT: sidecars refuse them there already."""
    if not chosen.guarded:
        return []
    rule = {
        "from": [{"source": {"notPrincipals": ["*"]}}],
        "to": [{"operation": {"ports": [str(port) for port in chosen.guarded]}}],
    }
    spec = {"selector": {"matchLabels": dict(chosen.policy.selector or {})}, "action": "DENY", "rules": [rule]}
    place = (resource.meta.namespace, f"{resource.meta.name}-strict-ports")
    of = (AUTHORIZATION_POLICY.api_version(), AUTHORIZATION_POLICY.name)
    return [made(of, place, spec, str(resource.id), CODE)]


def _with_disabled(resource: Resource[Any], spec: Tree, found: Readers, more: tuple[Change, ...]) -> Rewritten:
    """DISABLE is PERMISSIVE to ztunnel; it is called so once no sidecar reads it (D26)."""
    now = with_new_spec(resource, spec)
    changes = (*more, *replaced(resource, now, CODE))
    fields = tuple(_disabled(spec))
    if not fields:
        return Rewritten(changes)
    lost = tuple(_no_longer_nobody(resource, field, found) for field in fields)
    if found.others:
        return Rewritten(changes, lost)
    return Rewritten((*changes, *replaced(resource, {**now, "spec": _permissive(spec)}, CODE, late=True)), lost)


def _no_longer_nobody(resource: Resource[Any], field: str, found: Readers) -> Loss:
    """Callers had no identity there; policies that ask for one let in by it from now on."""
    index, did = found.context.index, "sidecars took plaintext only"
    why = "ambient takes HBONE everywhere, and plaintext too (D26)"
    policies = {each.id: each for pods in found.ambient for each in index.applied_policies(pods)}
    opening = [str(each.id) for each in policies.values() if _opens_by_identity(each)]
    if not opening:
        instead = "nothing: peers without a mesh are served as before"
        return _loss(resource, field, did, why, instead, Severity.COSMETIC)
    names = ", ".join(sorted(opening))
    return _loss(
        resource, field, f"{did}, so that callers were nobody to {names}",
        f"{why}: callers in the mesh have a name there, and {names} lets in whom it names",
        "take out the rules that ask who calls, if nobody is to get in by them", Severity.SECURITY,
    )  # fmt: skip


def _opens_by_identity(policy: Policy) -> bool:
    """Whether it lets in somebody whom it takes for nobody today: by a name it asks for, or one that it spares."""
    terms = (term for rule in policy.rules for clause in rule.clauses for part in clause.any_of for term in part.terms)
    asked = [term for term in terms if term.attribute in _IDENTITY]
    admits = policy.action is Action.ALLOW
    return not policy.dry_run and any(bool(each.one_of.written if admits else each.none_of.written) for each in asked)


def _disabled(spec: Tree) -> Iterator[str]:
    if as_dict(spec.get("mtls")).get("mode") == Mtls.DISABLE.value:
        yield "spec.mtls.mode"
    for port, each in sorted(as_dict(spec.get("portLevelMtls")).items(), key=lambda item: str(item[0])):
        if as_dict(each).get("mode") == Mtls.DISABLE.value:
            yield f"spec.portLevelMtls.{port}.mode"


def _permissive(spec: Tree) -> Tree:
    """The same with PERMISSIVE for every mode DISABLE."""
    found = dict(spec)
    if "mtls" in spec:
        found["mtls"] = _mode(spec["mtls"])
    if "portLevelMtls" in spec:
        found["portLevelMtls"] = {port: _mode(each) for port, each in as_dict(spec["portLevelMtls"]).items()}
    return found


def _mode(value: Any) -> Any:
    disabled = as_dict(value).get("mode") == Mtls.DISABLE.value
    return {**value, "mode": Mtls.PERMISSIVE.value} if disabled else value


def _loss(resource: Resource[Any], field: str, did: str, why: str, instead: str, severity: Severity) -> Loss:  # noqa: PLR0913, PLR0917
    return Loss(resource.id, field, did, why, instead, severity, CODE)


RULE = Rule(CODE, "peer-authentication", "mTLS modes as ztunnel reads them", ("PeerAuthentication",), _rewrite)
