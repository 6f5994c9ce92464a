"""Addresses of services: given when an object has none, as the API server and istiod do."""

from sidestep.lab.cluster.addresses import ENTRIES, SERVICES, Pair, Pool
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb, spec_of
from sidestep.model.kinds import SERVICE, SERVICE_ENTRY
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_FIRST_GIVEN = 16
"""Below are the well-known ones: the cluster's DNS has the tenth."""


class Vips:
    """Gives addresses to Services and ServiceEntries, and takes them back.

    Source: ztunnel.md §3.9: an entry without addresses is given some unless its resolution is NONE; wildcard hosts
    are not.
    """

    def __init__(self, store: Store) -> None:
        self._services = Pool(SERVICES, "services", first=_FIRST_GIVEN)
        self._entries = Pool(ENTRIES, "ServiceEntries", first=1)
        store.admit(self._complete)
        store.listen(self._hear)

    def _complete(self, ref: Ref, tree: Tree, before: Tree | None) -> None:
        if ref.kind == SERVICE.key:
            self._service(tree, before)
        elif ref.kind == SERVICE_ENTRY.key:
            self._entry(tree)

    def _service(self, tree: Tree, before: Tree | None) -> None:
        spec = tree.setdefault("spec", {})
        if not isinstance(spec, dict) or spec.get("type") == "ExternalName":
            return
        if spec.get("clusterIP") == "None":
            spec["clusterIPs"] = ["None"]
            return
        kept = _addresses(before)
        if kept:
            spec["clusterIP"], spec["clusterIPs"] = kept[0], list(kept)
        else:
            _give(spec, self._services.reserve(as_text(spec.get("clusterIP"))) or self._services.take())

    def _entry(self, tree: Tree) -> None:
        spec, status = spec_of(tree), as_dict(tree.get("status"))
        if status.get("addresses") or spec.get("addresses") or spec.get("resolution", "NONE") == "NONE":
            return
        hosts = [each for each in as_strings(spec.get("hosts")) if not each.startswith("*")]
        given = [(host, self._entries.take()) for host in hosts]
        rows = [{"host": host, "value": value} for host, pair in given for value in (pair.ipv4, pair.ipv6)]
        if rows:
            tree["status"] = {**status, "addresses": rows}

    def _hear(self, change: Change) -> None:
        if change.verb is not Verb.DELETED:
            return
        if change.ref.kind == SERVICE.key:
            for each in _addresses(change.tree):
                if ":" not in each:
                    self._services.give_back(each)
        elif change.ref.kind == SERVICE_ENTRY.key:
            for row in as_dicts(as_dict(change.tree.get("status")).get("addresses")):
                if ":" not in as_text(row.get("value")):
                    self._entries.give_back(as_text(row.get("value")))


def _addresses(before: Tree | None) -> tuple[str, ...]:
    if before is None:
        return ()
    return tuple(each for each in as_strings(spec_of(before).get("clusterIPs")) if each != "None")


def _give(spec: Tree, pair: Pair) -> None:
    """Both families, unless the Service asks for one."""
    families = as_strings(spec.get("ipFamilies"))
    single = spec.get("ipFamilyPolicy") == "SingleStack" or (families and len(families) == 1)
    both = [pair.ipv6, pair.ipv4] if families[:1] == ("IPv6",) else [pair.ipv4, pair.ipv6]
    spec["clusterIPs"] = both[:1] if single else both
    spec["clusterIP"] = both[0]
