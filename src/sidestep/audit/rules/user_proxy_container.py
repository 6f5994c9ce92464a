"""SID109: a container `istio-proxy` in the pod template, which starts by itself once injection stops."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.pods import PodShape
from sidestep.semantics.embedded import embedded_json
from sidestep.semantics.injection import Result
from sidestep.semantics.proxies import PROXY, Role, recognise

OVERRIDES = "proxy.istio.io/overrides"
_AUTO = "auto"


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        image = _image(workload) if workload.role is Role.APPLICATION else None
        if image is not None:
            yield Found(
                of_workload(workload),
                f"the template brings its own container {PROXY} (image {image}): {_consequence(workload, image)}",
                f"remove the container {PROXY} from the template before injection stops; carry its settings over",
                (Evidence(f"template.spec.containers[{PROXY}].image", image),),
            )


def _image(workload: Workload) -> str | None:
    """The image of the container as its owner wrote it: in the template, or else as the injector remembered it."""
    if workload.template:
        shape = workload.template.shape
        return None if recognise(shape).sidecar else _written(shape)
    for group in workload.groups:
        remembered = _remembered(group.shape)
        if remembered is not None or group.recognition.orphan_proxy:
            return remembered or _written(group.shape)
    return None


def _written(shape: PodShape) -> str | None:
    return next((c.image or _AUTO for c in shape.spec.all_containers if c.name == PROXY), None)


def _remembered(shape: PodShape) -> str | None:
    """The injector keeps the user's container as JSON, without the image where that was `auto`."""
    if OVERRIDES not in shape.annotations:
        return None
    kept = embedded_json(shape.annotations[OVERRIDES]) or {}
    containers = (each for part in ("containers", "initContainers") for each in _list(kept.get(part)))
    written = next((each for each in containers if isinstance(each, dict) and each.get("name") == PROXY), None)
    return None if written is None else str(written.get("image") or _AUTO)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _consequence(workload: Workload, image: str) -> str:
    starts = "its image cannot be pulled" if image == _AUTO else "it starts as it stands, with nobody to configure it"
    if workload.injection.result is Result.INJECTED:
        return f"once injection stops, {starts}"
    return f"nothing is known to inject the next pod: {starts}"


RULE = Rule(
    "SID109",
    "user-proxy-container",
    "Proxy container written into the template",
    Severity.ERROR,
    _check,
    ("IST0146", "IST0147"),
)
