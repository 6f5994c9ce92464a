"""What a run waits for is told while it waits: drawn anew on a terminal, now and then where lines stay."""

from tests.support.runs import example_plan

from sidestep.actions.runs.events import Began, StepBegan
from sidestep.actions.runs.progress import progress
from sidestep.cli.migrate.screen import _Picture, seldom
from sidestep.cli.migrate.wishes import Interrupts

PLAN = example_plan()


class Ticking:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_where_lines_stay_a_wait_is_told_after_half_a_minute_and_then_again():
    clock, said = Ticking(), []
    waits = seldom(lambda step, why: said.append((clock.seconds, step, why)), clock)
    for second in range(0, 100, 5):
        clock.seconds = second
        waits("w001-0002", f"{second} of 100 pods are ready")
    assert [at for at, _, _ in said] == [30, 60, 90]
    assert said[0][1:] == ("w001-0002", "30 of 100 pods are ready")


def test_on_a_terminal_it_stands_beside_the_step_that_waits_there_and_back():
    step = next(step for step in PLAN.steps if step.description.startswith("roll out "))
    picture = _Picture("r1", PLAN, progress([Began("r1", "digest", "memory")]))
    picture.hear(StepBegan(step.id))
    assert f"    {step.description}\n" in picture.text()
    for name, why in ((step.id, "1 of 2 pods are ready"), (f"{step.id}/back", "2 of 2 pods have no sidecar")):
        picture.wait(name, why)
        assert f"    {step.description}: {why}\n" in picture.text()


def test_two_signals_at_once_are_one_wish(capsys):
    clock = Ticking()
    interrupts = Interrupts("r1 --lab shop", clock)
    for clock.seconds in (0.0, 0.01):
        interrupts._hear(15, None)
    assert interrupts.leaving
    assert capsys.readouterr().err.count("pausing once") == 1
