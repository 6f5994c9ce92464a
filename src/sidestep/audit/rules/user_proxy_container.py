"""SID109: a container `istio-proxy` in the pod template, which starts by itself once injection stops."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.pods import Container
from sidestep.semantics.proxies import PROXY, Role, recognise

OVERRIDES = "proxy.istio.io/overrides"


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        if workload.role is not Role.APPLICATION:
            continue
        image = _written_image(workload.template.shape.spec.all_containers) if workload.template else None
        injected_by_hand = workload.template is not None and recognise(workload.template.shape).sidecar is not None
        overridden = any(OVERRIDES in group.shape.annotations for group in workload.groups)
        if injected_by_hand or (image is None and not overridden):
            continue
        yield Found(
            of_workload(workload),
            f"the template brings its own container {PROXY} (image {image or 'auto'}): without injection it would be "
            "started as it stands, and fail",
            f"remove the container {PROXY} from the template before injection stops; carry its settings over",
            (Evidence(f"template.spec.containers[{PROXY}].image", image or "auto"),),
        )


def _written_image(containers: tuple[Container, ...]) -> str | None:
    return next((container.image or "auto" for container in containers if container.name == PROXY), None)


RULE = Rule(
    "SID109",
    "user-proxy-container",
    "Proxy container written into the template",
    Severity.ERROR,
    _check,
    ("IST0146", "IST0147"),
)
