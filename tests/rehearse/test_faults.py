"""What is broken on purpose, and when."""

import pytest
from tests.support.runs import example_plan

from sidestep.errors import UsageError
from sidestep.plan.steps import Restart
from sidestep.rehearse.diary import middle
from sidestep.rehearse.faults import Fault, Injection, injection


def test_a_fault_is_written_with_its_wave():
    assert injection("waypoint@2") == Injection(Fault.WAYPOINT, 2)


@pytest.mark.parametrize("text", ["", "waypoint", "waypoint@", "waypoint@x", "earthquake@1", "@1", "waypoint@-1"])
def test_what_is_none_is_refused_with_those_that_are(text):
    with pytest.raises(UsageError, match="no fault") as refused:
        injection(text)
    assert "node-proxy" in refused.value.remedy


def test_it_happens_while_pods_are_made_anew():
    steps = {step.id: step for step in example_plan().steps}
    assert isinstance(steps[middle(example_plan(), 1)].effect, Restart)
    assert steps[middle(example_plan(), 0)].wave == 0
    assert middle(example_plan(), 99) == ""
