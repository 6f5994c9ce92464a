"""What of a route no proxy is told, because Envoy would refuse it and every other route along with it."""

from collections.abc import Iterator

from sidestep.controlplane.generators.http.durations import readable as is_time
from sidestep.controlplane.generators.http.edits import editable
from sidestep.controlplane.generators.http.faults import STATUSES, usable
from sidestep.controlplane.generators.http.matches import readable
from sidestep.semantics.routing.rule import HttpEntry, HttpRule


def left_out(entry: HttpEntry) -> Iterator[str]:
    """In words, each with its place in the object."""
    rule = entry.rule
    where = f"{rule.place} {entry.match.place}".strip()
    if rule.broken:
        yield rule.broken.removeprefix(f"{rule.object}: ")
        return
    if not readable(entry.match):
        yield f"{where} has an expression that RE2 refuses, or a header that cannot be called so: it takes no request"
    yield from (f"{rule.place}.{why}" for why in _of_rule(rule))


def _of_rule(rule: HttpRule) -> Iterator[str]:
    yield from (f"fault: Envoy has no such fault: {each}" for each in rule.faults if not usable(each))
    if rule.direct is not None and rule.direct not in STATUSES:
        yield f"directResponse.status: Envoy answers 200 to 599, and not {rule.direct}: it answers 500"
    if rule.timeout and is_time(rule.timeout) is None:
        yield f"timeout: expected a time such as 1.5s, found {rule.timeout[:40]!r}: there is none"
    edits = (*rule.request_edits, *rule.response_edits)
    yield from (f"headers: no header can be edited so: {each[:60]!r}" for each in edits if not editable(each))
