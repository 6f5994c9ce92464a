"""Peers of NetworkPolicies as AuthorizationPolicies name clients: by account, by namespace, by address.

Labels say who is meant among the pods of today. A peer is said only where nobody else goes under the same name. Who is
outside of the mesh has none: he does not come by HBONE, so that whoever has one is asked alone.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.network.meant import meant
from sidestep.convert.rewrite import Context, Tree
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict, as_strings, as_text


class Sources(Struct, frozen=True):
    """Whom some peers mean.

    Attributes:
        principals: of pods.
        namespaces: whole ones.
        blocks: of addresses.
        gapped: blocks of which some addresses are not meant, with these; no two of them meet.
        nameless: somebody without an identity is meant: he comes by the ports themselves, where the NetworkPolicy asks
            him, and never by HBONE.
    """

    principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    gapped: tuple[tuple[str, tuple[str, ...]], ...] = ()
    nameless: bool = False

    def others(self, passing: Iterable[str] = ()) -> list[Tree]:
        """Sources that are everybody else, but for principals that pass anyway."""
        own = {"principals": ["*"] if self.nameless else [], "notPrincipals": sorted({*self.principals, *passing})}
        own["notNamespaces"] = list(self.namespaces)
        found = [{**own, "notIpBlocks": [*self.blocks, *(block for block, _ in self.gapped)]}]
        for gapped, gaps in self.gapped:
            rest = [*self.blocks, *(block for block, _ in self.gapped if block != gapped)]
            found.append({**own, "ipBlocks": list(gaps), "notIpBlocks": rest})
        return [{name: values for name, values in fields.items() if values} for fields in found]


def sources(context: Context, peers: Iterable[Tree], namespace: str) -> Sources | None:
    """Whom peers of a policy in a namespace mean; None where no such name says the same."""
    found = [_source(context, each, namespace) for each in peers]
    told = [each for each in found if each is not None]
    gapped = tuple(sorted({pair for each in told for pair in each.gapped}))
    if len(told) < len(found) or not _apart([block for block, _ in gapped]):
        return None
    return Sources(
        tuple(sorted({name for each in told for name in each.principals})),
        tuple(sorted({name for each in told for name in each.namespaces})),
        tuple(sorted({name for each in told for name in each.blocks})),
        gapped,
        nameless=any(each.nameless for each in told),
    )


def _apart(blocks: list[str]) -> bool:
    """Whether no two blocks have an address in common; not where one cannot be read."""
    if len(blocks) < 2:
        return True
    if not all(map(is_cidr, blocks)):
        return False
    nets = [ip_network(each, strict=False) for each in blocks]
    return not any(one.overlaps(other) for one, other in combinations(nets, 2))


def _source(context: Context, peer: Tree, namespace: str) -> Sources | None:
    if "ipBlock" in peer:
        block = as_dict(peer["ipBlock"])
        gaps, own = as_strings(block.get("except")), as_text(block.get("cidr"))
        return Sources(gapped=((own, gaps),)) if gaps else Sources(blocks=(own,))
    chosen = meant(context).by(peer, namespace)
    if not chosen:
        return None
    named = tuple(each for each in chosen if each.mode is not Mode.NONE)
    nameless = len(named) < len(chosen)
    if not named:
        return Sources(nameless=True)
    if not as_dict(peer.get("podSelector")):
        return Sources(namespaces=tuple(sorted({each.namespace for each in named})), nameless=nameless)
    found = _by_account(context, named)
    return None if found is None else replace(found, nameless=nameless)


def _by_account(context: Context, chosen: tuple[Instances, ...]) -> Sources | None:
    domain, known = context.index.settings.trust_domain, set(map(id, chosen))
    accounts = {each.principal(domain) for each in chosen}
    shared = any(id(each) not in known for each in meant(context).under(accounts))
    return None if shared else Sources(tuple(sorted(accounts)))
