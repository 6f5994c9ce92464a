"""The pods that peers of NetworkPolicies mean: each peer is looked up once, in the namespaces that it names.

Source: Kubernetes NetworkPolicy API.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import Any

import msgspec

from sidestep.convert.network.peers import holds
from sidestep.convert.rewrite import Context, Tree
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict
from sidestep.semantics.selectors import selects

_KEPT = "_meant_by_peers"
_key = msgspec.json.Encoder(order="sorted").encode


class Meant:
    """Who is meant in one mesh."""

    def __init__(self, index: MeshIndex) -> None:
        self._index = index
        self._found: dict[tuple[str, bytes], tuple[Instances, ...]] = {}

    def by(self, peer: Tree, namespace: str) -> tuple[Instances, ...]:
        """Whom one peer of a policy in a namespace takes in; a block of addresses, by those that are known."""
        near = "" if "ipBlock" in peer or "namespaceSelector" in peer else namespace
        key = (near, _key(peer))
        if key not in self._found:
            self._found[key] = tuple(self._search(peer, namespace))
        return self._found[key]

    def under(self, principals: Iterable[str]) -> Iterator[Instances]:
        """All who go under some names."""
        return chain.from_iterable(self._by_principal.get(each, ()) for each in principals)

    def _search(self, peer: Tree, namespace: str) -> Iterator[Instances]:
        if "ipBlock" in peer:
            block = as_dict(peer["ipBlock"])
            yield from (each for each in self._everybody() if holds(block, (*each.addresses, *each.twins)))
            return
        spaces = self._spaces(peer["namespaceSelector"]) if "namespaceSelector" in peer else (namespace,)
        pods = _selector(peer.get("podSelector"))
        for space in spaces:
            yield from (each for each in self._index.by_namespace.get(space, ()) if selects(pods, each.labels))

    def _spaces(self, selector: object) -> Iterator[str]:
        wanted, mesh = _selector(selector), self._index.mesh
        for space in self._index.by_namespace:
            if selects(wanted, {NAMESPACE_NAME: space, **mesh.namespace_labels(space)}):
                yield space

    def _everybody(self) -> Iterator[Instances]:
        return chain.from_iterable(self._index.by_namespace.values())

    @cached_property
    def _by_principal(self) -> Mapping[str, list[Instances]]:
        domain = self._index.settings.trust_domain
        found: dict[str, list[Instances]] = {}
        for each in self._everybody():
            found.setdefault(each.principal(domain), []).append(each)
        return found


def meant(context: Context) -> Meant:
    """Who is meant in the mesh of a context; it is kept with the index, like what the index derives of itself."""
    kept: dict[str, Any] = vars(context.index)
    found = kept.get(_KEPT)
    if not isinstance(found, Meant):
        found = kept[_KEPT] = Meant(context.index)
    return found


def _selector(selector: object) -> LabelSelector | None:
    """None, which selects nothing, for one that cannot be read."""
    try:
        return msgspec.convert(as_dict(selector), LabelSelector)
    except msgspec.ValidationError:
        return None
