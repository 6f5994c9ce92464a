"""Whether what a rule lets out may travel as HBONE: only then is a port that it names no longer seen on the wire.

Source: istio-semantics.md §6.1 (l). DNS, istiod and whoever is outside of the mesh take no HBONE: a NetworkPolicy goes
on to see their ports.
"""

from sidestep.convert.network.meant import meant
from sidestep.convert.network.peers import holds
from sidestep.convert.policies.readers import everybody, sends_hbone
from sidestep.convert.rewrite import Context, Tree
from sidestep.semantics.injection import IGNORED_NAMESPACES, NAMESPACE_NAME
from sidestep.semantics.loose import as_dict, as_dicts, as_text


def may_be_tunnelled(context: Context, rule: Tree, namespace: str) -> bool:
    """Whether a rule of a policy's egress lets out to anybody who takes HBONE, as far as that is known."""
    peers = as_dicts(rule.get("to"))
    return not peers or any(_takes(context, each, namespace) for each in peers)


def _takes(context: Context, peer: Tree, namespace: str) -> bool:
    if "ipBlock" in peer:
        block, takers = as_dict(peer["ipBlock"]), (each for each in everybody(context) if sends_hbone(context, each))
        return any(not each.every_address or holds(block, each.every_address) for each in takers)
    chosen = meant(context).by(peer, namespace)
    return any(sends_hbone(context, each) for each in chosen) if chosen else not _is_system(context, peer)


def _is_system(context: Context, peer: Tree) -> bool:
    """Whether nobody whom a peer means by the name of his namespace has a part in a mesh, though no pods were read."""
    labels = as_dict(as_dict(peer.get("namespaceSelector")).get("matchLabels"))
    known = {*IGNORED_NAMESPACES, context.index.settings.root_namespace}
    return as_text(labels.get(NAMESPACE_NAME)) in known
