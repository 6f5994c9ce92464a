"""What the cluster's DNS server answers: CoreDNS with its kubernetes plugin, and a stub of the world outside.

Source: Kubernetes' DNS specification 1.1.0 (dns/docs/specification.md); CoreDNS' plugin/kubernetes.
"""

import ipaddress

from sidestep.lab.dns.answers import ADDRESS_KINDS, Answer, Record, address_records, addresses_of
from sidestep.lab.dns.names import Endpoint, Name, NamedPort, Source, Target
from sidestep.lab.dns.table import NameTable


def cluster_answer(table: NameTable, host: str, kind: str, domain: str = "cluster.local") -> Answer:
    """The answer to one question; `host` without its last dot."""
    host = host.lower()
    if host.endswith((".in-addr.arpa", ".ip6.arpa")):
        return _reverse(table, host, kind)
    if host != domain and not host.endswith("." + domain):
        return _outside(table, host, kind)
    found = _within(table, host, kind, domain)
    if found is not None:
        return found if found.records else Answer(zone=domain)
    exists = host in {domain, f"svc.{domain}"} or table.has_below(host)
    return Answer("NOERROR" if exists else "NXDOMAIN", zone=domain)


def _within(table: NameTable, host: str, kind: str, domain: str) -> Answer | None:
    """Names of the cluster's own zone; None for what does not exist, no records for what has none of this kind."""
    for name in table.of(host, Source.SERVICE):
        return _of_service(table, name, host, kind, domain)
    if host.endswith(f".pod.{domain}"):
        return _of_pod(host, kind)
    labels = host.split(".")
    if labels[0].startswith("_") and len(labels) > 2 and labels[1].startswith("_"):
        for name in table.of(".".join(labels[2:]), Source.SERVICE):
            ports = tuple(
                each for each in name.ports if (f"_{each.name}", f"_{each.transport.lower()}") == tuple(labels[:2])
            )
            return _srv(name, host, ports) if ports and kind == "SRV" else (Answer() if ports else None)
    for name in table.of(".".join(labels[1:]), Source.SERVICE):
        for endpoint in name.endpoints:
            if endpoint.ready and labels[0] in endpoint_labels(endpoint):
                return Answer(records=address_records(host, endpoint.addresses, kind))
    return None


def _of_service(table: NameTable, name: Name, host: str, kind: str, domain: str) -> Answer | None:
    if name.target is Target.ALIAS:
        return Answer(records=_followed(table, name, host, kind, domain))
    if name.target is Target.ENDPOINTS and not addresses_of(name):
        return None
    if kind == "SRV":
        return _srv(name, host, name.ports)
    return Answer(records=address_records(host, addresses_of(name), kind))


def _followed(table: NameTable, name: Name, host: str, kind: str, domain: str) -> tuple[Record, ...]:
    """The alias, those behind it, and the addresses of the last one."""
    records: list[Record] = []
    seen = {host}
    while True:
        target = name.alias.rstrip(".").lower()
        records.append(Record(host, "CNAME", target + "."))
        if kind == "CNAME" or target in seen:
            return tuple(records)
        seen.add(target)
        onward = [each for each in table.of(target, Source.SERVICE) if each.target is Target.ALIAS]
        if not onward:
            return (*records, *cluster_answer(table, target, kind, domain).records)
        host, name = target, onward[0]


def _of_pod(host: str, kind: str) -> Answer | None:
    """`10-0-0-1.<namespace>.pod.<domain>`: the address that it says, whether or not there is such a pod."""
    dashed = host.split(".", 1)[0]
    for text in (dashed.replace("-", "."), dashed.replace("-", ":")):
        try:
            address = str(ipaddress.ip_address(text))
        except ValueError:
            continue
        return Answer(records=address_records(host, (address,), kind))
    return None


def _srv(name: Name, host: str, ports: tuple[NamedPort, ...]) -> Answer:
    records: list[Record] = []
    additional: list[Record] = []
    if name.target is Target.ENDPOINTS:
        targets = [(f"{endpoint_labels(each)[0]}.{name.host}", each.addresses) for each in name.endpoints if each.ready]
    else:
        targets = [(name.host, name.addresses)]
    for target, addresses in targets:
        records.extend(Record(host, "SRV", f"0 100 {port.number} {target}.") for port in ports)
        for kind in ADDRESS_KINDS:
            additional.extend(address_records(target, addresses, kind))
    return Answer(records=tuple(records), additional=tuple(additional))


def endpoint_labels(endpoint: Endpoint) -> tuple[str, ...]:
    """The first label of an endpoint's own name: its hostname, else each of its addresses with dashes."""
    if endpoint.hostname:
        return (endpoint.hostname,)
    return tuple(each.replace(".", "-").replace(":", "-") for each in endpoint.addresses)


def _reverse(table: NameTable, host: str, kind: str) -> Answer:
    address = _reversed_address(host)
    hosts = [
        name.host if endpoint is None else f"{endpoint_labels(endpoint)[0]}.{name.host}"
        for name, endpoint in table.at(address)
        if name.source is Source.SERVICE
    ]
    if not hosts:
        return Answer("NXDOMAIN", authoritative=False)
    return Answer(records=tuple(Record(host, "PTR", each + ".") for each in hosts) if kind == "PTR" else ())


def _reversed_address(host: str) -> str:
    labels = host.split(".")
    try:
        if host.endswith(".in-addr.arpa"):
            return str(ipaddress.IPv4Address(".".join(reversed(labels[:-2]))))
        digits = "".join(reversed(labels[:-2]))
        return str(ipaddress.IPv6Address(int(digits, 16))) if len(digits) == 32 else ""
    except ValueError:
        return ""


def _outside(table: NameTable, host: str, kind: str) -> Answer:
    """Names that the lab was told of; nothing is asked of the world."""
    for candidate in (host, *wildcards(host)):
        for name in table.of(candidate, Source.OUTSIDE):
            if name.target is Target.ALIAS:
                onward = _outside(table, name.alias.rstrip(".").lower(), kind).records
                own = Record(host, "CNAME", name.alias.rstrip(".") + ".")
                return Answer(records=(own, *onward), authoritative=False)
            return Answer(records=address_records(host, addresses_of(name), kind), authoritative=False)
    return Answer("NXDOMAIN", authoritative=False)


def wildcards(host: str) -> list[str]:
    """Hosts with a star that cover this one, the closest first."""
    labels = host.split(".")
    return ["*." + ".".join(labels[number:]) for number in range(1, len(labels))]
