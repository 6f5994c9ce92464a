"""Whether a connection that is open goes on when what is configured changes (D16).

Envoy judges a connection of bytes when it comes, and does not look at it again: it ends it when what it came by has
drained (45 s in Istio), whatever policies say. Until then it goes on. Ztunnel judges what it holds once more
when a policy changes: by what policies say now, of those with a selector only by the ones that it enforced on the
pod before.

Source: checked.md D16; istio/ztunnel src/state/policy.rs, src/proxy/connection_manager.rs.
"""

from sidestep.semantics.authorization.ztunnel import Authorization, Scope
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Branch, Proxy, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.requests import Request


def goes_on(before: MeshIndex, after: MeshIndex, request: Request) -> bool | None:
    """Whether a connection that was opened in one mesh goes on in the next; None where that cannot be told.

    Args:
        before: the mesh in which it was opened.
        after: the same workloads, otherwise configured.
        request: that opened it, of bytes.
    """
    opened = decide(before, request)
    if opened.verdict is not Verdict.ALLOW or len(opened.branches) > 1:
        return None
    branch = opened.branches[0]
    last = branch.path[-1]
    if last.proxy is not Proxy.ZTUNNEL_IN:
        return True
    known, now = _pods(before, branch), _pods(after, branch)
    seen = next((check.seen for check in reversed(last.checks) if check.seen is not None), None)
    if known is None or now is None or seen is None:
        return None
    return _enforced(before.ztunnel_policies(known), after.ztunnel_policies(now)).judge(seen).allowed


def _pods(index: MeshIndex, branch: Branch) -> Instances | None:
    """Where it leads, if all pods there are alike."""
    found = index.workloads.get(branch.destination) if branch.destination is not None else None
    return found[0] if found is not None and len(found) == 1 else None


def _enforced(before: ZtunnelSet, after: ZtunnelSet) -> ZtunnelSet:
    listed = {(each.namespace, each.name) for each in (*before.deny, *before.allow)}

    def counts(each: Authorization) -> bool:
        return each.scope is not Scope.WORKLOAD_SELECTOR or (each.namespace, each.name) in listed

    return ZtunnelSet(tuple(filter(counts, after.deny)), tuple(filter(counts, after.allow)), after.unreadable)
