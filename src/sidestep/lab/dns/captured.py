"""What a node proxy answers to the pods that it has captured.

Source: ztunnel.md §6.8 (ztunnel's src/dns). Only A and AAAA of Services and ServiceEntries are answered; all else is
asked of the cluster's server, names of single pods and ExternalName included.
"""

from sidestep.lab.dns.answers import Answer, Record, address_records, addresses_of
from sidestep.lab.dns.cluster import wildcards
from sidestep.lab.dns.names import Name, Source, Target
from sidestep.lab.dns.table import NameTable


def captured_answer(
    table: NameTable, host: str, kind: str, namespace: str, domain: str = "cluster.local"
) -> Answer | None:
    """The answer to a pod of a namespace; None where the question goes on to the cluster's server."""
    if kind not in {"A", "AAAA"}:
        return None
    host = host.lower()
    for candidate in candidates(host, namespace, domain):
        for known in (candidate, *wildcards(candidate)):
            name = _best(table.of(known, Source.SERVICE, Source.ENTRY), namespace)
            if name is not None:
                return _told(name, host, candidate, kind, domain)
    return None


def candidates(host: str, namespace: str, domain: str) -> list[str]:
    """Names that a query may mean, in order: itself, without a suffix of the search list, short forms expanded."""
    suffixes = (f".{namespace}.svc.{domain}", f".svc.{domain}", f".{domain}")
    bare = [host, *(host.removesuffix(each) for each in suffixes if host.endswith(each))]
    found: list[str] = []
    for each in bare:
        for name in (each, *_expanded(each, namespace, domain)):
            if name not in found:
                found.append(name)
    return found


def _expanded(host: str, namespace: str, domain: str) -> list[str]:
    labels = host.split(".")
    match labels:
        case [_]:
            return [f"{host}.{namespace}.svc.{domain}"]
        case [_, _]:
            return [f"{host}.svc.{domain}", f"{host}.{namespace}.svc.{domain}"]
        case [_, _, last]:
            return [f"{host}.{domain}"] if last == "svc" else [f"{host}.svc.{domain}"]
        case [_, _, _, "svc"]:
            return [f"{host}.{domain}"]
        case _:
            return []


def _best(names: list[Name], namespace: str) -> Name | None:
    """The client's namespace before Kubernetes' own before the others; only what it may see."""
    seen = [each for each in names if _visible(each, namespace)]
    return min(seen, key=lambda each: (each.namespace != namespace, not each.canonical, each.namespace), default=None)


def _visible(name: Name, namespace: str) -> bool:
    wanted = {"*", namespace, *((".",) if name.namespace == namespace else ())}
    return not wanted.isdisjoint(name.exported_to)


def _told(name: Name, host: str, candidate: str, kind: str, domain: str) -> Answer | None:
    if name.target is Target.ALIAS or (name.target is Target.ENDPOINTS and not _in_cluster(name, domain)):
        return None
    alias = (Record(host, "CNAME", candidate + "."),) if candidate != host else ()
    records = address_records(candidate, addresses_of(name), kind)
    return Answer(records=(*alias, *records) if records else ())


def _in_cluster(name: Name, domain: str) -> bool:
    return name.host.lower().endswith(f".svc.{domain}")
