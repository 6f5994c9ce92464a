"""Label selectors, as the API server evaluates them (k8s.io/apimachinery/pkg/labels)."""

from sidestep.model.metadata import Labels
from sidestep.model.views.apps import LabelSelector, Requirement


def selects(selector: LabelSelector | None, labels: Labels) -> bool:
    """Whether a selector matches; an absent one selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = (selector.match_labels or {}).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        _meets(requirement, labels) for requirement in selector.match_expressions or ()
    )


def selects_or_absent(selector: LabelSelector | None, labels: Labels) -> bool:
    """As `selects`, for places where an absent selector means everything (webhooks)."""
    return selector is None or selects(selector, labels)


def _meets(requirement: Requirement, labels: Labels) -> bool:
    value = labels.get(requirement.key)
    values = requirement.values or ()
    match requirement.operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
