"""Answers of DNS as values, and what both servers share in finding them."""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.lab.dns.names import Name, Target

TTL = 30
ADDRESS_KINDS = ("A", "AAAA")


class Record(Struct, frozen=True):
    """One resource record, its data in the form of zone files; names in it end in a dot."""

    name: str
    kind: str
    data: str


class Answer(Struct, frozen=True):
    """What is answered.

    Attributes:
        code: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`.
        records: the answer.
        additional: what a client will ask next.
        authoritative: the server's own knowledge.
        zone: whose SOA goes into the authority section, for a negative answer to be kept.
    """

    code: str = "NOERROR"
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    authoritative: bool = True
    zone: str = ""


def address_records(name: str, addresses: Iterable[str], kind: str) -> tuple[Record, ...]:
    """A or AAAA records of the addresses that are of that family; none of another kind."""
    if kind not in ADDRESS_KINDS:
        return ()
    wants_ipv6 = kind == "AAAA"
    return tuple(Record(name, kind, each) for each in addresses if (":" in each) == wants_ipv6)


def addresses_of(name: Name) -> tuple[str, ...]:
    """Where a name leads to; none for an alias."""
    match name.target:
        case Target.ADDRESSES:
            return name.addresses
        case Target.ENDPOINTS:
            return tuple(address for each in name.endpoints if each.ready for address in each.addresses)
        case Target.ALIAS:
            return ()
