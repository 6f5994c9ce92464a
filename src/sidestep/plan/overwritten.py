"""What stands already where a plan puts an object: a plan of which a part was carried out has left it there. Pure."""

from msgspec.structs import replace

from sidestep.model.build import known_kind
from sidestep.model.mesh import Mesh
from sidestep.plan.steps import Apply, Step


def upon(mesh: Mesh, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Steps that know what stood there: what somebody changes of it is seen, and the way back puts it back."""
    return tuple(_upon(mesh, step) for step in steps)


def _upon(mesh: Mesh, step: Step) -> Step:
    effect = step.effect
    if not isinstance(effect, Apply) or effect.before is not None:
        return step
    kind = known_kind(effect.object.api_version, effect.object.kind)
    found = mesh.find(kind, effect.object.namespace, effect.object.name) if kind else None
    if found is None or not found.body:
        return step
    before = {key: value for key, value in found.tree().items() if key != "status"}
    return replace(step, effect=replace(effect, before=before))
