"""SID124: settings of Cilium or Calico under which ambient is bypassed or broken."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.cni_conflicts import conflicts
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    installed = any(group.recognition.role is Role.ISTIO_CNI for _, group in facts.groups())
    for conflict in conflicts(facts.mesh):
        yield Found(
            of_resource(conflict.resource),
            f"{conflict.setting}={conflict.value}: {conflict.effect}",
            f"set {conflict.required}",
            (Evidence(conflict.setting, conflict.value),),
            Severity.ERROR if installed else Severity.WARNING,
        )


RULE = Rule("SID124", "cni-conflict", "CNI setting conflicts with istio-cni", Severity.ERROR, _check)
