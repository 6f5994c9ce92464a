"""Labels that some pods have and no others of their namespace: by which an AuthorizationPolicy selects just them."""

from sidestep.convert.rewrite import Context, Tree
from sidestep.model.metadata import Labels
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injected_labels import INJECTED_LABELS
from sidestep.semantics.injection import INJECT, REVISION
from sidestep.semantics.instances import Instances, Mode

_USUAL = ("app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app")
_PASSING = frozenset(
    {*INJECTED_LABELS, DATAPLANE_MODE, INJECT, REVISION, "pod-template-hash", "controller-revision-hash"}
)


def labels_of(context: Context, pods: tuple[Instances, ...]) -> Tree | None:
    """The fewest labels that select pods of one namespace and no others there that policies hold for; None for none."""
    chosen = set(map(id, pods))
    others = [
        each.labels
        for each in context.index.by_namespace.get(pods[0].namespace, ())
        if id(each) not in chosen and each.mode is not Mode.NONE
    ]
    common = {
        key: value for key, value in pods[0].labels.items() if key not in _PASSING and _all_have(pods, key, value)
    }
    by_rank = sorted(common, key=lambda key: (key not in _USUAL, key))
    forms = [{key: common[key]} for key in by_rank] + [common]
    return next((dict(each) for each in forms if each and not any(_has(labels, each) for labels in others)), None)


def _all_have(pods: tuple[Instances, ...], key: str, value: str) -> bool:
    return all(each.labels.get(key) == value for each in pods)


def _has(labels: Labels, wanted: Labels) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())
