"""What queries asked and nobody answers any more.

Source: istio-semantics.md §6.1 (o).
"""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from sidestep.convert.policies.readers import everybody, guarding, is_ambient, names_of
from sidestep.convert.promql.documents import Found
from sidestep.convert.rewrite import Context, Loss, Severity
from sidestep.model.metadata import ObjectId
from sidestep.semantics.instances import Instances


class Asking(Struct, frozen=True):
    """Where queries stand.

    Attributes:
        object: in which, an object or a plain file.
        found: the queries.
        left: fields of those that should change and could not be found again in their text.
    """

    object: ObjectId
    found: tuple[Found, ...]
    left: tuple[str, ...] = ()


def query_losses(asking: Asking, context: Context, rule: str) -> Iterator[Loss]:
    """What is lost of queries, by their fields."""
    loss = partial(Loss, asking.object, severity=Severity.OBSERVABILITY, rule=rule)
    bare = _bare(context)
    for each in asking.found:
        for lost in each.query.lost:
            yield loss(each.field, lost.did, lost.why, lost.instead)
        if bare and each.query.of_http:
            why = f"no waypoint is before {names_of(bare)}: ztunnel counts their connections and bytes only"
            instead = "put a waypoint before their Service, or ask istio_tcp_connections_opened_total"
            yield loss(
                each.field, f"it asked {each.query.of_http[0].metric or 'for HTTP'} of all workloads", why, instead
            )
    for field in asking.left:
        instead = "add waypoint to what the matcher of reporter takes"
        yield loss(field, "it asked sidecars as reporters", "it could not be found again in the text", instead)


def _bare(context: Context) -> tuple[Instances, ...]:
    """Those in ambient whose HTTP nobody counts."""
    return tuple(each for each in everybody(context) if is_ambient(context, each) and not guarding(context, each))
