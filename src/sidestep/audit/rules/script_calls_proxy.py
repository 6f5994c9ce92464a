"""SID220: a container that calls its sidecar's own ports, which are gone in ambient: a loop waits for ever."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import has_sidecar, is_ambient
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.probes import PROBE_FIELDS
from sidestep.semantics.proxies import PROXY, Role
from sidestep.semantics.proxy_calls import CALL, LOOP, MARKS

_LONGEST = 80


class _Call(Struct, frozen=True):
    """Where a container calls its proxy, what it calls, and whether it does so until it is answered."""

    place: str
    called: str
    loops: bool


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        if workload.role is Role.APPLICATION and (calls := list(_calls(workload))):
            ambient = is_ambient(facts, workload)
            if ambient or has_sidecar(workload):
                yield _found(workload, calls, ambient)


def _found(workload: Workload, calls: list[_Call], ambient: bool) -> Found:
    loops = any(call.loops for call in calls)
    called = ", ".join(sorted({call.called for call in calls}))
    effect = "waits there for ever" if loops else "fails there"
    return Found(
        of_workload(workload),
        f"calls its sidecar at {called}; in ambient nothing listens there, and it "
        f"{effect}{' now' if ambient else ' once its sidecar is gone'}",
        "drop the call: ambient is ready before the first container starts and lets Jobs complete; until then let it "
        "fail without harm",
        tuple(Evidence(call.place, call.called) for call in calls),
        (Severity.ERROR if ambient else Severity.WARNING) if loops else Severity.INFO,
    )


def _calls(workload: Workload) -> Iterator[_Call]:
    """Calls in commands, arguments, hooks and probes of a workload's own containers."""
    template = workload.template
    if template is not None and any(mark in template.controller.body for mark in MARKS):
        for container in _containers(template.controller.tree()):
            yield from _of_container(container)
    elif template is None and workload.next_shape is not None:
        for known in workload.next_shape.spec.all_containers:
            if known.name != PROXY:
                yield from _in_texts(known.name, "command", (*(known.command or ()), *(known.args or ())))


def _containers(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = as_dict(tree.get("spec"))
    spec = as_dict(as_dict(spec.get("jobTemplate")).get("spec")) or spec
    pod = as_dict(as_dict(spec.get("template")).get("spec"))
    for part in ("initContainers", "containers"):
        yield from (each for each in as_dicts(pod.get(part)) if each.get("name") != PROXY)


def _of_container(container: dict[str, Any]) -> Iterator[_Call]:
    name = str(container.get("name"))
    texts = (*as_strings(container.get("command")), *as_strings(container.get("args")))
    yield from _in_texts(name, "command", texts)
    for hook, told in as_dict(container.get("lifecycle")).items():
        yield from _in_texts(name, f"lifecycle.{hook}", _executed(told))
    for probe in PROBE_FIELDS:
        yield from _in_texts(name, probe, _executed(container.get(probe)))


def _executed(value: object) -> tuple[str, ...]:
    return as_strings(as_dict(as_dict(value).get("exec")).get("command"))


def _in_texts(container: str, place: str, texts: tuple[str, ...]) -> Iterator[_Call]:
    whole = " ".join(texts)
    called = CALL.search(whole)
    if called:
        yield _Call(f"containers[{container}].{place}", called.group()[:_LONGEST], LOOP.search(whole) is not None)


RULE = Rule("SID220", "script-calls-proxy", "Container calls its sidecar", Severity.WARNING, _check)
