"""What a repository means as long as nobody does by hand what no file could be given."""

from collections.abc import Iterable

from msgspec.structs import replace

from sidestep.actions.stages import Stage
from sidestep.cli.conversions import Made, proof_of
from sidestep.convert.ledger import Key, key_of
from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import SetLabels, Step
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Leave
from sidestep.report.conversion.verdict import until_done


def proof_without(made: Made, left: Iterable[ObjectId], budget: int, jobs: int) -> Proof:
    """Today's mesh against the one of what is written alone; also of what is refused more often.

    Args:
        made: the conversion.
        left: objects whose changes are to be done by hand.
        budget: most classes of requests on one way.
        jobs: most processes that ask.
    """
    keys = frozenset(map(key_of, left))
    steps = tuple(each for each in made.plan.steps if not _is_about(each, keys))
    stages = tuple(_without(each, keys) for each in made.stages)
    rest = replace(made, plan=replace(made.plan, steps=steps), stages=stages)
    return proof_of(rest, budget, jobs, Leave.SHAPE)


def warning(proof: Proof) -> str:
    """What to know before the rest is done by hand; empty where everything is decided as today until then."""
    told = until_done(proof)
    return f"until the rest is done by hand, {told}" if told else ""


def _is_about(step: Step, keys: frozenset[Key]) -> bool:
    return isinstance(step.effect, SetLabels) and key_of(step.effect.object) in keys


def _without(stage: Stage, keys: frozenset[Key]) -> Stage:
    return replace(stage, objects=tuple(each for each in stage.objects if key_of(each.object) not in keys))
