"""The ends of a ServiceEntry for one port, each with its share, as a proxy that has them all chooses among them."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.semantics.service_index import Service


class Lead(Struct, frozen=True):
    """One end.

    Attributes:
        host: an address, or a name that is looked up.
        port: there.
        share: of all requests.
        said: what else the entry says of it, in words.
    """

    host: str
    port: int
    share: float
    said: str = ""


def leads(service: Service, number: int, labels: Mapping[str, str], *, by_ztunnel: bool = False) -> tuple[Lead, ...]:
    """Where a port of a ServiceEntry leads; nowhere where no endpoint has it.

    Args:
        service: the entry's host.
        number: of the port that is dialled; one that the entry does not declare is kept by hosts that are looked up.
        labels: of a subset.
        by_ztunnel: to which istiod tells one ServiceEntry for each host.
    """
    told = service.leads if by_ztunnel else (*service.leads, *service.beside)
    found = [each for each in told if number in each.ports and labels.items() <= each.labels.items()]
    total = sum(each.weight for each in found)
    return tuple(Lead(each.address, each.ports[number], each.weight / total, each.said) for each in found)
