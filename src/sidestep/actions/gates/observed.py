"""Whether a world has become what a plan foretold: the mesh as it is seen means what the foretold one means. Pure.

What was proved of a plan was proved of the states that it foretells. So after a wave the world is read again and held
against the state after it: what somebody changed meanwhile, or a controller did otherwise, shows as an object that
differs, and is proved to decide nobody's request otherwise, or is not passed.
"""

from collections.abc import Callable
from itertools import islice

from msgspec.structs import replace

from sidestep.actions.abreast import Together, groups, groups_back
from sidestep.actions.gates.apart import Apart, apart
from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.memory import apply
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.index import MeshIndex

_MOST = 3
"""Differing objects that are named, and requests after which a proof ends."""
_TERMS = Terms(budget=5_000, most=_MOST)
Read = Callable[[], Mesh]


class Observer:
    """Reads a world after each wave.

    Args:
        plan: that is carried out.
        read: the mesh as it is; asked at once.

    Attributes:
        before: the mesh as it was before the plan, or as a part of it left it.
    """

    def __init__(self, plan: Plan, read: Read) -> None:
        self._plan, self._read = plan, read
        self.before = _staying(read())

    def together(self, wave: int) -> Together:
        """Which steps of a wave may be performed beside each other."""
        return groups(self._plan, self.before, wave)

    def together_back(self, wave: int) -> Together:
        """Which steps of a wave may be taken back beside each other."""
        return groups_back(self._plan, self.before, wave)

    def after(self, wave: int) -> Finding:
        """Whether all is as the plan foretold it after a wave.

        Raises:
            TransportError: the world cannot be asked at this moment.
        """
        return as_foretold(apply(self._plan, self.before, wave), self._read(), wave)


def as_foretold(foretold: Mesh, observed: Mesh, wave: int) -> Finding:
    """Whether requests are decided in a mesh as in the state after a wave.

    Args:
        foretold: that state.
        observed: as the mesh is seen now.
        wave: the last one that was carried out.
    """
    observed = _staying(observed)
    missing = {gap.resource for gap in observed.gaps} - {gap.resource for gap in foretold.gaps}
    if missing:
        return _untold(wave, f"{', '.join(sorted(missing))} could not be read")
    found = apart(foretold, observed)
    if not found.objects:
        return _untold(wave, "no object of it may be read")
    if not found.differing:
        told = f"all {found.objects} objects that decide, and the pods of {found.workloads} workloads"
        return Finding(Answer.HOLDS, f"proof: {told}, are as foretold after wave {wave}")
    return _proved(found, observed, wave)


def _proved(found: Apart, observed: Mesh, wave: int) -> Finding:
    """Whether what differs decides anybody's request otherwise."""
    expected = MeshIndex.of(found.undone)
    proof = prove(expected, MeshIndex.of(observed), _TERMS)
    differing = "; ".join(islice(found.differing, _MOST))
    more = len(found.differing) - _MOST
    named = f"{differing}; and {more} more" if more > 0 else differing
    if proof.counterexamples:
        first = proof.worst_first()[0]
        told = f"{first.request}: {first.before.verdict} was foretold, and it is {first.after.verdict}"
        head = f"proof: after wave {wave} the mesh is another than was foretold"
        return Finding(Answer.FAILS, f"{head}: {told} ({named})")
    undecided = _newly_undecided(proof, expected)
    if undecided:
        return _untold(wave, f"{undecided} ways cannot be decided any more ({named})")
    told = f"all {proof.requests:,} kinds of requests are decided as foretold after wave {wave}"
    return Finding(Answer.HOLDS, f"proof: {told}, although {named}")


def _newly_undecided(proof: Proof, expected: MeshIndex) -> int:
    """How many ways nobody can decide that could be decided in the foretold state, or for another reason there."""
    if not proof.undecided:
        return 0
    known = frozenset(prove(expected, expected, _TERMS).undecided)
    return len(set(proof.undecided) - known)


def _untold(wave: int, why: str) -> Finding:
    return Finding(Answer.NOT_YET, f"proof: whether the mesh after wave {wave} is as foretold is not known: {why}")


def _staying(mesh: Mesh) -> Mesh:
    """Without pods that are about to end: what is decided of them is over."""
    return replace(mesh, pods=tuple(pod for pod in mesh.pods if not pod.deleting))
