"""SID107: sidecars of a revision that would not inject the next pod or is gone, or older than their istiod."""

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.restart import restart
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.images import release_of
from sidestep.semantics.injection import REVISION
from sidestep.semantics.proxies import Role

_PINNED = "sidecar.istio.io/proxyImage"


class _Installed(Struct, frozen=True):
    """What is installed: revisions that inject or have an istiod, and the releases of those istiods."""

    revisions: frozenset[str]
    releases: Mapping[str, frozenset[str]]


class _Age(Struct, frozen=True, order=True):
    """In which respect a sidecar is old: its revision or its release; `gone` when that revision is not installed."""

    what: str
    value: str
    gone: bool = False


def _check(facts: Facts) -> Iterator[Found]:
    if facts.injectors.assumed:
        return
    installed = _installed(facts)
    for workload in facts.workloads:
        old = Counter[_Age]()
        for group in workload.groups:
            age = _age(group, workload, installed)
            if age:
                old[age] += group.count
        if old:
            yield _found(workload, old, installed)


def _installed(facts: Facts) -> _Installed:
    releases: dict[str, set[str]] = {}
    for _, group in facts.groups():
        if group.recognition.role is Role.ISTIOD and REVISION in group.shape.labels:
            images = (release_of(c.image) for c in group.shape.spec.containers or () if c.name == "discovery")
            releases.setdefault(group.shape.labels[REVISION], set()).update(filter(None, images))
    frozen = {revision: frozenset(found) for revision, found in releases.items()}
    return _Installed(facts.injectors.revisions | releases.keys(), frozen)


def _age(group: Group, workload: Workload, installed: _Installed) -> _Age | None:
    """How old running sidecars are; None when they are not."""
    sidecar = group.recognition
    if not (group.pods and sidecar.sidecar and sidecar.revision):
        return None
    wanted = workload.injection.revision
    gone = sidecar.revision not in installed.revisions
    if gone or (wanted and sidecar.revision != wanted):
        return _Age("revision", sidecar.revision, gone)
    release = release_of(sidecar.proxy.image) if sidecar.proxy and _PINNED not in group.shape.annotations else None
    istiod = installed.releases.get(sidecar.revision)
    return _Age("release", release) if release and istiod and release not in istiod else None


def _found(workload: Workload, old: Counter[_Age], installed: _Installed) -> Found:
    wanted = workload.injection.revision
    gone = ", ".join(sorted(age.value for age in old if age.gone))
    told = [f"{count} of {age.what} {age.value}" for age, count in sorted(old.items())]
    istiod = ", ".join(sorted(installed.releases.get(wanted or "", ())))
    coming = f"{wanted} (istiod {istiod})" if wanted and istiod else wanted or "no sidecar"
    tail = f"; {gone} is not installed any more, neither webhook nor istiod" if gone else ""
    first = "" if wanted else "give it a label of an installed revision unless it shall leave the mesh, then "
    return Found(
        of_workload(workload),
        f"sidecars are old: {', '.join(told)}; the next pod would get {coming}{tail}",
        first + restart(workload.ref),
        tuple(Evidence("sidecars", each) for each in told),
        Severity.ERROR if gone else None,
    )


RULE = Rule("SID107", "old-revision-sidecar", "Sidecars of an old revision", Severity.WARNING, _check, ("IST0158",))
