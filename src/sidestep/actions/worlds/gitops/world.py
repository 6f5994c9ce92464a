"""A repository that a cluster follows, as a world."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from sidestep.actions.stages import Stage
from sidestep.actions.worlds.gitops.commits import manifest, stage_of
from sidestep.actions.worlds.gitops.converged import applier_misses, object_misses, revisions
from sidestep.actions.worlds.interface import ConflictError, Found, Tree, Version, World
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import Probe, Wait, WaitFor


class Commits(Protocol):
    """The commits of a branch that are stages of a plan."""

    @property
    def name(self) -> str:
        """Which repository and branch."""

    def standing(self, stage: str) -> str:
        """The commit of a stage that was not reverted; empty for none."""

    def last(self, stage: str) -> str:
        """The newest commit that is about a stage: its own, or the one that reverts it; empty for none."""

    def publish(self) -> None:
        """Send what was committed to where it is followed, if that was asked for and is not done.

        Raises:
            TransportError: it could not be sent.
        """

    def make(self, stage: str) -> None:
        """Commit a stage.

        Raises:
            ConflictError: somebody else has committed meanwhile.
            WorldError: it cannot be committed.
        """

    def revert(self, stage: str) -> None:
        """Commit the opposite of a stage.

        Raises:
            ConflictError: somebody else has committed meanwhile, or has changed the same lines since.
        """

    def contains(self, commit: str, other: str) -> bool | None:
        """Whether a commit has another among its ancestors, or is it; None for one that is not known here."""


class GitOpsWorld:
    """A branch, and the cluster that follows it.

    Args:
        commits: of the branch.
        stages: what each says, by name.
        cluster: that is looked at and never written; None where none is.
        appliers: objects of Argo CD or Flux that must be done.
        may_write: raises where this run may not commit any more.
    """

    def __init__(
        self,
        commits: Commits,
        stages: Iterable[Stage],
        cluster: World | None,
        appliers: tuple[ObjectId, ...] = (),
        may_write: Callable[[], object] = lambda: None,
    ) -> None:
        self._commits, self._cluster, self._appliers = commits, cluster, appliers
        self._stages: Mapping[str, Stage] = {stage.name: stage for stage in stages}
        self._may_write = may_write

    @property
    def name(self) -> str:
        """Of both."""
        return self._commits.name if self._cluster is None else f"{self._commits.name}, {self._cluster.name}"

    def moment(self) -> str:
        """The cluster's."""
        return self._looked_at().moment()

    def read(self, named: ObjectId) -> Found:
        """A commit; anything else as it stands in the cluster."""
        stage = stage_of(named)
        if not stage:
            return self._looked_at().read(named)
        commit = self._commits.standing(stage)
        return Found(manifest(stage), Version(commit)) if commit else Found()

    def patch(self, named: ObjectId, _patch: Tree, _version: Version) -> None:
        """Never: a repository is only committed to."""
        raise _never(named)

    def apply(self, named: ObjectId, _manifest: Tree, version: Version) -> None:
        """Commit a stage."""
        stage = self._unchanged(named, version)
        self._may_write()
        self._commits.make(stage)

    def delete(self, named: ObjectId, version: Version) -> None:
        """Revert a stage."""
        stage = self._unchanged(named, version)
        self._may_write()
        self._commits.revert(stage)

    def rolled_out(self, workload: WorkloadRef) -> str:
        """As in the cluster."""
        return self._looked_at().rolled_out(workload)

    def held_up_by(self, workload: WorkloadRef) -> str:
        """As in the cluster."""
        return self._looked_at().held_up_by(workload)

    def holds(self, wait: Wait) -> str:
        """Whether the cluster has become what stands; all else as in the cluster."""
        if wait.what is not WaitFor.CONVERGED:
            return self._looked_at().holds(wait)
        self._commits.publish()
        if self._cluster is None:
            return ""
        missing = (self._applier_misses(each, wait.subject) for each in self._appliers)
        return next(filter(None, missing), "") or self._objects_miss(wait.subject)

    def measure(self, query: Query, seconds: float) -> float | None:
        """As in the cluster."""
        return self._looked_at().measure(query, seconds)

    def answer(self, probe: Probe) -> str:
        """As in the cluster."""
        return self._looked_at().answer(probe)

    def _looked_at(self) -> World:
        if self._cluster is None:
            raise WorldError("no cluster is looked at", remedy="leave --offline out")
        return self._cluster

    def _unchanged(self, named: ObjectId, version: Version) -> str:
        stage = stage_of(named)
        if not stage:
            raise _never(named)
        if self._commits.standing(stage) != version:
            raise ConflictError("somebody else has committed meanwhile", where=stage)
        return stage

    def _applier_misses(self, named: ObjectId, stage: str) -> str:
        tree = self._looked_at().read(named).tree
        wanted = self._commits.last(stage)
        known = {each: self._commits.contains(each, wanted) for each in revisions(tree)} if wanted else {}
        old = [each for each, contains in known.items() if contains is False]
        if old and not any(known.values()):  # sources of other repositories have commits that nobody knows here
            return f"{named} is at {old[0][:12]}, which {wanted[:12]} came after"
        why = applier_misses(tree)
        return f"{named}: {why}" if why else ""

    def _objects_miss(self, stage: str) -> str:
        """By the objects themselves, whoever applies them."""
        stands = bool(self._commits.standing(stage))
        for each in self._stages[stage].objects:
            wanted, other = (each.after, each.before) if stands else (each.before, each.after)
            why = object_misses(self._looked_at().read(each.object).tree, wanted, other)
            if why:
                return f"{each.object}: {why}"
        return ""


def _never(named: ObjectId) -> WorldError:
    return WorldError("a repository is only committed to", where=str(named))
