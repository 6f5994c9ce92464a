"""What of a route no proxy is told, because Envoy would refuse it and every other route along with it."""

from collections.abc import Iterator

from sidestep.controlplane.generators.http.durations import readable as is_time
from sidestep.controlplane.generators.http.edits import editable
from sidestep.controlplane.generators.http.faults import STATUSES, usable
from sidestep.controlplane.generators.http.matches import readable
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.semantics.routing.rule import HttpEntry, HttpRule

_UNREADABLE = "an expression that RE2 refuses, or a header that cannot be called so: it takes no request"


def left_out(entry: HttpEntry) -> Iterator[Remark]:
    """By object and field."""
    rule = entry.rule
    if rule.broken:
        yield Remark(
            rule.object, rule.place, rule.broken.removeprefix(f"{rule.object}: ").removeprefix(f"{rule.place}: ")
        )
        return
    if not readable(entry.match):
        yield Remark(rule.object, f"{rule.place} {entry.match.place}".strip(), _UNREADABLE)
    yield from (Remark(rule.object, f"{rule.place}.{field}", why) for field, why in _of_rule(rule))


def _of_rule(rule: HttpRule) -> Iterator[tuple[str, str]]:
    yield from (("fault", f"Envoy has no such fault: {each}") for each in rule.faults if not usable(each))
    if rule.direct is not None and rule.direct not in STATUSES:
        yield "directResponse.status", f"Envoy answers 200 to 599, and not {rule.direct}: it answers 500"
    if rule.timeout and is_time(rule.timeout) is None:
        yield "timeout", f"expected a time such as 1.5s, found {rule.timeout[:40]!r}: there is none"
    edits = (*rule.request_edits, *rule.response_edits)
    yield from (("headers", f"no header can be edited so: {each[:60]!r}") for each in edits if not editable(each))
