"""Label selectors, as the API server evaluates them."""

import pytest

from sidestep.model.views.apps import LabelSelector, Requirement
from sidestep.semantics.selectors import selects, selects_or_absent

LABELS = {"app": "cart", "tier": ""}


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("In", "app", ("cart", "x"), True), ("In", "app", ("x",), False), ("In", "none", ("x",), False),
        ("NotIn", "app", ("cart",), False), ("NotIn", "app", ("x",), True), ("NotIn", "none", ("x",), True),
        ("Exists", "tier", None, True), ("Exists", "none", None, False),
        ("DoesNotExist", "none", None, True), ("DoesNotExist", "tier", None, False),
        ("Unheard", "app", ("cart",), False), ("In", "app", None, False),
    ],
)  # fmt: skip
def test_requirements(operator, key, values, expected):
    assert selects(LabelSelector(None, (Requirement(key, operator, values),)), LABELS) is expected


def test_all_parts_must_hold():
    both = LabelSelector({"app": "cart"}, (Requirement("none", "Exists"),))
    assert not selects(both, LABELS)
    assert selects(LabelSelector({"app": "cart", "tier": ""}), LABELS)


def test_empty_selects_everything_and_absent_nothing_but_in_webhooks():
    assert selects(LabelSelector(), {})
    assert not selects(None, LABELS)
    assert selects_or_absent(None, LABELS)
