"""Peers of NetworkPolicies as AuthorizationPolicies name clients: by account, by namespace, by address.

Labels say who is meant among the pods of today. A peer is said only where nobody else goes under the same name, and
where everybody whom it means has one: who is outside of the mesh comes without.
"""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.convert.network.meant import meant
from sidestep.convert.rewrite import Context, Tree
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict, as_text


class Sources(Struct, frozen=True):
    """Whom some peers mean.

    Attributes:
        principals: of pods.
        namespaces: whole ones.
        blocks: of addresses.
    """

    principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    def others(self, passing: Iterable[str] = ()) -> Tree:
        """A source that is everybody else, but for principals that pass anyway."""
        fields = {
            "notPrincipals": sorted({*self.principals, *passing}),
            "notNamespaces": list(self.namespaces),
            "notIpBlocks": list(self.blocks),
        }
        return {name: values for name, values in fields.items() if values}


def sources(context: Context, peers: Iterable[Tree], namespace: str) -> Sources | None:
    """Whom peers of a policy in a namespace mean; None where no such name says the same."""
    found = [_source(context, each, namespace) for each in peers]
    told = [each for each in found if each is not None]
    if len(told) < len(found):
        return None
    return Sources(
        tuple(sorted({name for each in told for name in each.principals})),
        tuple(sorted({name for each in told for name in each.namespaces})),
        tuple(sorted({name for each in told for name in each.blocks})),
    )


def _source(context: Context, peer: Tree, namespace: str) -> Sources | None:
    if "ipBlock" in peer:
        block = as_dict(peer["ipBlock"])
        return None if block.get("except") else Sources(blocks=(as_text(block.get("cidr")),))
    chosen = meant(context).by(peer, namespace)
    if not chosen or any(each.mode is Mode.NONE for each in chosen):
        return None
    if not as_dict(peer.get("podSelector")):
        return Sources(namespaces=tuple(sorted({each.namespace for each in chosen})))
    return _by_account(context, chosen)


def _by_account(context: Context, chosen: tuple[Instances, ...]) -> Sources | None:
    domain, known = context.index.settings.trust_domain, set(map(id, chosen))
    accounts = {each.principal(domain) for each in chosen}
    shared = any(id(each) not in known for each in meant(context).under(accounts))
    return None if shared else Sources(tuple(sorted(accounts)))
