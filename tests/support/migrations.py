"""A whole migration of a small mesh: planned, converted, performed in memory; what comes out is there to be proved."""

from msgspec import Struct
from tests.support.scenes import Object, index, m

from sidestep.actions.converted import converted
from sidestep.actions.memory import apply, problems
from sidestep.actions.stages import BY_PLAN, stages
from sidestep.convert.conversion import convert
from sidestep.convert.rewrite import Loss, Severity
from sidestep.model.call_graph import CallGraph
from sidestep.plan.conversion_context import context_of
from sidestep.plan.document import Fate, Plan
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.naive import naive_plan
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Counterexample, Proof
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.index import MeshIndex
from sidestep.sources.prices import load_prices

TERMS = Terms(Leave.SHAPE | Leave.CLOSED)
"""Those of `sidestep convert --prove`."""
_STAY = (Fate.SIDECAR, Fate.REWORK)


class Migration(Struct, frozen=True):
    """What became of a mesh.

    Attributes:
        today: the mesh before.
        plan: of its migration.
        losses: of its conversion.
        rewrites: codes of those that changed anything.
        end: the mesh after all stages.
    """

    today: MeshIndex
    plan: Plan
    losses: tuple[Loss, ...]
    rewrites: frozenset[str]
    end: MeshIndex

    def proof(self, terms: Terms = TERMS) -> Proof:
        """The end held against today."""
        return prove(self.today, self.end, terms)

    @property
    def staying(self) -> frozenset[str]:
        """Names of workloads that keep their sidecars."""
        return frozenset(each.workload.name for each in self.plan.workloads if each.fate in _STAY)

    @property
    def severities(self) -> frozenset[Severity]:
        """Of all losses."""
        return frozenset(each.severity for each in self.losses)


def town(*objects: Object | list[Object], version: str = "1.30") -> MeshIndex:
    """A mesh whose namespaces inject sidecars; those that are given stay as they are."""
    flat = [each for group in objects for each in (group if isinstance(group, list) else [group])]
    spaces = {each["metadata"].get("namespace") for each in flat} - {None, "", "istio-system"}
    given = {each["metadata"]["name"] for each in flat if each["kind"] == "Namespace"}
    made = [m.o.labelled_namespace(space, {"istio-injection": "enabled"}) for space in sorted(spaces - given)]
    return index(m.o.webhook("default"), *made, *flat, version=version)


def migrated(today: MeshIndex, graph: CallGraph | None = None) -> Migration:
    """A mesh planned and converted; `graph` is who calls whom, inferred from the manifests where it is not given."""
    mesh, version = today.mesh.in_order, today.settings.version
    plan = make_plan(PlanRequest(mesh, load_prices(None), graph=graph or inferred_calls(mesh)))
    assert not problems(plan, mesh)
    found = convert(context_of(plan, today, version))
    staged = stages(plan, found, mesh)
    codes = {code for stage in staged for each in stage.objects for code in each.rule.split(", ")}
    end = MeshIndex.of(converted(plan, staged, mesh), version)
    return Migration(today, plan, found.losses, frozenset(codes - {BY_PLAN}), end)


def labels_alone(today: MeshIndex) -> MeshIndex:
    """The mesh of who flips labels, restarts pods and does nothing else."""
    return MeshIndex.of(apply(naive_plan(today.mesh), today.mesh), today.settings.version)


def shown(proof: Proof) -> list[Counterexample]:
    """Counterexamples that nothing accepts."""
    return [each for each in proof.counterexamples if not each.accepted]
