"""What the lab was given and does otherwise than it is written, by object, so that nobody is left to find out."""

from collections.abc import Iterable, Iterator

from sidestep.controlplane.registry.policies import read_peer_policy, read_policy
from sidestep.lab.cluster.controllers.replica_sets import MOST_REPLICAS
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of
from sidestep.model.kinds import AUTHORIZATION_POLICY, DEPLOYMENT, PEER_AUTHENTICATION, REPLICA_SET, STATEFUL_SET

SCALED = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET)
ASKED = (AUTHORIZATION_POLICY, PEER_AUTHENTICATION, *SCALED)
"""Kinds of which something may be said."""
_SCALED = frozenset(kind.name for kind in SCALED)


def misgivings(objects: Iterable[Tree]) -> list[str]:
    """A sentence for each object that names it and the field.

    Args:
        objects: of any kinds.
    """
    return sorted(f"{_name(tree)}: {why}" for tree in objects for why in _of(tree))


def _of(tree: Tree) -> Iterator[str]:
    kind = tree.get("kind")
    if kind == AUTHORIZATION_POLICY.name:
        yield from _unread(read_policy(tree).invalid)
    elif kind == PEER_AUTHENTICATION.name:
        yield from _unread(read_peer_policy(tree).invalid)
    elif kind in _SCALED:
        wanted = spec_of(tree).get("replicas")
        if isinstance(wanted, int) and wanted > MOST_REPLICAS:
            yield f"spec.replicas asks for {wanted:,} pods; the lab runs {MOST_REPLICAS:,} of one controller at most"


def _unread(why: str) -> Iterator[str]:
    if why:
        yield f"it cannot be read, and nobody enforces it: {why}"


def _name(tree: Tree) -> str:
    meta = meta_of(tree)
    return f"{tree.get('kind')} {meta.get('namespace', 'default')}/{meta.get('name')}"
