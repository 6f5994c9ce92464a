"""SID104: a revision label that no installed revision or tag answers to: no sidecar, and no error either."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource, of_workload
from sidestep.model.kinds import NAMESPACE
from sidestep.semantics.injection import INJECTION, REVISION


def _check(facts: Facts) -> Iterator[Found]:
    who = facts.injectors
    if who.assumed:
        return
    installed = ", ".join(sorted(who.names)) or "none"
    fix = f"name an installed revision or tag ({installed}), or create the tag: istioctl tag set"
    for namespace in facts.mesh.of(NAMESPACE):
        wanted = namespace.meta.labels.get(REVISION)
        if wanted and wanted not in who.names and INJECTION not in namespace.meta.labels:
            yield Found(
                of_resource(namespace),
                f"label {REVISION}={wanted} names no installed revision or tag: new pods get no sidecar, silently",
                fix,
                (Evidence(f"metadata.labels[{REVISION}]", wanted), Evidence("installed", installed)),
            )
    for workload in facts.workloads:
        template = workload.template
        wanted = template.shape.labels.get(REVISION) if template else None
        decides = not {INJECTION, REVISION} & facts.mesh.namespace_labels(workload.ref.namespace).keys()
        if wanted and decides and wanted not in who.names:
            yield Found(
                of_workload(workload),
                f"pod label {REVISION}={wanted} names no installed revision or tag: new pods get no sidecar, silently",
                fix,
                (Evidence(f"template.metadata.labels[{REVISION}]", wanted), Evidence("installed", installed)),
            )


RULE = Rule("SID104", "revision-unknown", "Revision label that nobody answers to", Severity.ERROR, _check)
