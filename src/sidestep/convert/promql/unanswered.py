"""What queries asked and nobody answers any more.

Source: istio-semantics.md §6.1 (o).
"""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from sidestep.convert.policies.readers import everybody, guarding, is_ambient, names_of
from sidestep.convert.promql.documents import Found
from sidestep.convert.promql.recorded import Indirect, in_words
from sidestep.convert.rewrite import Context, Loss, Severity
from sidestep.model.metadata import ObjectId
from sidestep.semantics.instances import Instances

_UNCOUNTED = "put a waypoint before their Service, or ask istio_tcp_connections_opened_total"


class Asking(Struct, frozen=True):
    """Where queries stand.

    Attributes:
        object: in which, an object or a plain file.
        found: the queries.
        left: fields of those that should change and could not be found again in their text.
        indirect: queries of series that rules record: the field, the series, and what that is made of.
    """

    object: ObjectId
    found: tuple[Found, ...]
    left: tuple[str, ...] = ()
    indirect: tuple[Indirect, ...] = ()


def query_losses(asking: Asking, context: Context, rule: str) -> Iterator[Loss]:
    """What is lost of queries, by their fields."""
    loss = partial(Loss, asking.object, severity=Severity.OBSERVABILITY, rule=rule)
    bare = _bare(context)
    for each in asking.found:
        for lost in each.query.lost:
            yield loss(each.field, lost.did, lost.why, lost.instead)
        if bare and each.query.of_http:
            did = f"it asked {each.query.of_http[0].metric or 'for HTTP'} of all workloads"
            yield loss(each.field, did, _uncounted(bare), _UNCOUNTED)
    for field, name, query in asking.indirect:
        for words in in_words(name, query):
            yield loss(field, *words)
        if bare and query.of_http:
            did = f"it asks {name}, which a rule records of HTTP of all workloads"
            yield loss(field, did, _uncounted(bare), _UNCOUNTED)
    for field in asking.left:
        instead = "add waypoint to what the matcher of reporter takes"
        yield loss(field, "it asked sidecars as reporters", "it could not be found again in the text", instead)


def _uncounted(bare: tuple[Instances, ...]) -> str:
    return f"no waypoint is before {names_of(bare)}: ztunnel counts their connections and bytes only"


def _bare(context: Context) -> tuple[Instances, ...]:
    """Those in ambient whose HTTP nobody counts."""
    return tuple(each for each in everybody(context) if is_ambient(context, each) and not guarding(context, each))
