"""What a run would do, step by step, by a world that is only read: each object as it stands, and as it would.

Steps are performed on a shadow of the world, so that what an earlier one writes is there for a later one.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.in_memory import trees
from sidestep.actions.worlds.effects import Stand, Writing, object_of, perform, standing
from sidestep.actions.worlds.interface import Found, Tree, Version, World
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.errors import SidestepError, TransportError
from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import Apply, Delete, Gate, Patch, Probe, Restart, SetLabels, Step, Wait

_PARALLEL = 16


class Foreseen(Struct, frozen=True):
    """What a step would do.

    Attributes:
        step: which.
        stand: where the world stands towards it; None for one that only looks.
        object: that it writes.
        before: as that stands.
        after: as it would; None where it would go.
        expected: as the plan knows it, where it stands otherwise.
        why: what stands otherwise, in words.
        refused: why the world would refuse the write; empty where it would not, or was not asked.
    """

    step: Step
    stand: Stand | None = None
    object: ObjectId | None = None
    before: Tree | None = None
    after: Tree | None = None
    expected: Tree | None = None
    why: str = ""
    refused: str = ""

    @property
    def drifted(self) -> bool:
        """Whether somebody has changed the object since the plan was made."""
        return self.stand is Stand.OTHER

    @property
    def writes(self) -> bool:
        """Whether it would change anything."""
        return self.stand is Stand.BEFORE


class Tried(World, Protocol):
    """A world that says what it would make of writes, and makes nothing."""

    def patched(self, named: ObjectId, patch: Tree, version: Version) -> Tree:
        """What would come of a patch."""

    def applied(self, named: ObjectId, manifest: Tree, version: Version) -> Tree:
        """What would come of an object that is applied."""


class Shadow(MemoryWorld):
    """Another world, as it is read; what is written stays here.

    Args:
        world: that is read, each object once.
    """

    def __init__(self, world: World) -> None:
        super().__init__(())
        self._world = world
        self._known: set[ObjectId] = set()

    @property
    def name(self) -> str:
        """The other's."""
        return self._world.name

    def know(self, objects: Iterable[ObjectId]) -> None:
        """Read objects ahead, many at a time."""
        wanted = [each for each in dict.fromkeys(objects) if each not in self._known]
        with ThreadPoolExecutor(_PARALLEL) as executor:
            for each, found in zip(wanted, executor.map(self._world.read, wanted), strict=True):
                self._take(each, found)

    def read(self, named: ObjectId) -> Found:
        """As written here, else as it stands there."""
        if named not in self._known:
            self._take(named, self._world.read(named))
        return super().read(named)

    def _take(self, named: ObjectId, found: Found) -> None:
        self._known.add(named)
        if found.tree is not None:
            self.apply(named, found.tree, Version(""))


class _Asking(MemoryWorld):
    """Writes are only asked for.

    Args:
        tried: that is asked.

    Attributes:
        made: what would come of the last one.
    """

    def __init__(self, tried: Tried) -> None:
        super().__init__(())
        self._tried = tried
        self.made: Tree | None = None

    def read(self, named: ObjectId) -> Found:
        return self._tried.read(named)

    def patch(self, named: ObjectId, patch: Tree, version: Version) -> None:
        self.made = self._tried.patched(named, patch, version)

    def apply(self, named: ObjectId, manifest: Tree, version: Version) -> None:
        self.made = self._tried.applied(named, manifest, version)

    def delete(self, named: ObjectId, version: Version) -> None:
        self._tried.delete(named, version)
        self.made = None


def foresee(world: World, steps: Iterable[Step], run: str = "", tried: Tried | None = None) -> Iterator[Foreseen]:
    """What steps would do, in their order.

    Args:
        world: that is read, and never written.
        steps: of a plan.
        run: its name, which restarts carry.
        tried: the same world, asked what it would make of the first write to each object: a later one depends on it.

    Raises:
        TransportError, WorldError: the world cannot be read.
    """
    wanted = tuple(steps)
    shadow = Shadow(world)
    shadow.know(object_of(each) for each in map(_writing, wanted) if each is not None)
    written: set[ObjectId] = set()
    for place, step in enumerate(wanted):
        token = f"{run}/{step.id}"
        found = _foreseen(shadow, step, wanted[place + 1 :], token)
        if tried is not None and found.writes and found.object not in written:
            found = _asked(tried, found, token)
        if found.writes and found.object is not None:
            written.add(found.object)
        yield found


def _foreseen(shadow: Shadow, step: Step, later: tuple[Step, ...], token: str) -> Foreseen:
    effect = _writing(step)
    if effect is None:
        return Foreseen(step)
    stood = standing(shadow, effect, token)
    target, before = object_of(effect), stood.found.tree
    if stood.stand is Stand.OTHER and _overtaken(shadow, target, later):
        return Foreseen(step, Stand.DONE, target, before, before)
    if stood.stand is Stand.OTHER:
        return Foreseen(step, stood.stand, target, before, before, _expected(effect, before), stood.why)
    if stood.stand is Stand.BEFORE:
        perform(shadow, effect, stood, token)
    return Foreseen(step, stood.stand, target, before, shadow.read(target).tree)


def _asked(tried: Tried, found: Foreseen, token: str) -> Foreseen:
    """With what the world itself would make of the write."""
    effect, asking = _writing(found.step), _Asking(tried)
    if effect is None:
        return found
    try:
        perform(asking, effect, standing(asking, effect, token), token)
    except TransportError:
        raise
    except SidestepError as error:
        return replace(found, refused=error.message)
    return replace(found, after=asking.made)


def _writing(step: Step) -> Writing | None:
    """What a step writes; None where it only looks, as after a rollout that another step began."""
    match step.effect:
        case Wait() | Gate() | Probe() | Restart(effect_only=True):
            return None
        case effect:
            return effect


def _overtaken(shadow: Shadow, target: ObjectId, later: Iterable[Step]) -> bool:
    """Whether what a later step makes of an object stands already: then this one was before it."""
    effects = (step.effect for step in later if isinstance(step.effect, SetLabels | Patch | Apply | Delete))
    return any(object_of(each) == target and standing(shadow, each, "").stand is Stand.DONE for each in effects)


def _expected(effect: Writing, found: Tree | None) -> Tree | None:
    """What stands there, were it as the plan knew it."""
    match effect:
        case SetLabels(object=named, before=before, template=template):
            path = trees.template_path(named.kind) if template else trees.OWN
            return trees.relabelled(found or {}, path, before)
        case Patch(before=patch):
            expected: Tree = trees.merge_patched(found or {}, patch)
            return expected
        case Apply(before=None) | Restart():
            return None
        case Apply(before=manifest) | Delete(before=manifest):
            return trees.applied(found, manifest or {})
