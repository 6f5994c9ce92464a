"""What a proof of two meshes holds for the next one of two that share most with them: what changes is found anew.

Nothing of it can be out of date. What was found of namespaces is held by what it rests on (`prove/content.py`); what
meshes, and who calls in them, have in common with those before is taken over where it is the very same.
"""

from collections.abc import Callable

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.sharing import ordered_as, sharing, unchanged
from sidestep.prove.affected import affected
from sidestep.prove.callers import Callers
from sidestep.prove.content import Content
from sidestep.prove.remembered import Memory, Remembered
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion

_MOST = 20_000
"""So many namespaces are remembered, of however many changes."""
_SIDES = 2


class Held:
    """Meshes that were compared last, and what was found.

    Args:
        stays: whether another proof follows.
    """

    def __init__(self, *, stays: bool) -> None:
        self.stays = stays
        self._made: list[tuple[Mesh, Mesh]] = []
        self._before: _First | None = None
        self._after: _Second | None = None
        self._content: Content | None = None
        self._callers: Callers | None = None
        self._found: dict[str, Remembered] = {}

    def made(self, read: Mesh, make: Callable[[Mesh], Mesh]) -> Mesh:
        """What is made of a mesh that was read, made once."""
        for known, made in self._made:
            if known is read:
                return made
        found = make(read)
        self._made = [*self._made, (read, found)][-_SIDES:]
        return found

    def before(self, mesh: Mesh, version: IstioVersion | None) -> MeshIndex:
        """The first mesh, ready to be asked."""
        known = self._before
        if known is None:
            known = self._before = _First(mesh, MeshIndex.of(mesh, version))
        elif known.read is not mesh:
            last = known.index
            made = unchanged(ordered_as(mesh, known.read, last.mesh), last.mesh)
            known = self._before = _First(mesh, MeshIndex.of(made, version, like=last))
        return known.index

    def after(self, mesh: Mesh, before: MeshIndex, version: IstioVersion | None) -> MeshIndex:
        """The second mesh, ready to be asked; it shares with the first what both say alike."""
        known = self._after
        if known is None:
            ordered = mesh.in_order
            shared = sharing(ordered, before.mesh)
            known = self._after = _Second(mesh, before, ordered, shared, MeshIndex.of(shared, version, like=before))
        elif known.read is not mesh or known.before is not before:
            ordered = unchanged(ordered_as(mesh, known.read, known.ordered), known.ordered)
            same = (known.ordered, known.shared) if known.before is before else None
            shared = sharing(ordered, before.mesh, same)
            made = unchanged(shared, known.index.mesh)
            known = self._after = _Second(mesh, before, ordered, made, MeshIndex.of(made, version, like=known.index))
        return known.index

    def content(self, before: MeshIndex, after: MeshIndex, terms: str) -> Content:
        """On what the proof of each namespace rests."""
        found = Content(before, after, terms)
        if self._content is not None:
            found.beside(self._content)
        self._content = found
        return found

    def callers(self, before: MeshIndex, after: MeshIndex) -> Callers | None:
        """Who calls, as far as it is known of the meshes before; None where that is to be found anew."""
        known = self._callers
        if known is None or known.before is not before:
            return None
        changed = affected(known.after, after)
        return None if changed.everything else known.beside(after, changed.namespaces)

    def note(self, callers: Callers | None) -> None:
        """Remember who calls."""
        self._callers = callers

    def memory(self, behind: Memory | None) -> Memory:
        """What was found of namespaces.

        Args:
            behind: is asked where nothing is held, and told what is new.
        """
        return _Notes(self._found, behind)


class _First(Struct, frozen=True):
    """The first mesh, as it was read and as it is asked."""

    read: Mesh
    index: MeshIndex


class _Second(Struct, frozen=True):
    """The second mesh, as it was read, in order, with what it shares with the first, and as it is asked."""

    read: Mesh
    before: MeshIndex
    ordered: Mesh
    shared: Mesh
    index: MeshIndex


class _Notes:
    """A memory in front of another one."""

    def __init__(self, found: dict[str, Remembered], behind: Memory | None) -> None:
        self._found, self._behind = found, behind

    def recall(self, digest: str) -> Remembered | None:
        known = self._found.get(digest)
        if known is None and self._behind is not None:
            known = self._behind.recall(digest)
            if known is not None:
                self._hold(digest, known)
        return known

    def keep(self, digest: str, found: Remembered) -> None:
        self._hold(digest, found)
        if self._behind is not None:
            self._behind.keep(digest, found)

    def _hold(self, digest: str, found: Remembered) -> None:
        self._found[digest] = found
        while len(self._found) > _MOST:
            del self._found[next(iter(self._found))]
