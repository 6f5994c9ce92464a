"""What a shell offers after the verbs of a lab: kinds, and pods of the lab that is up."""

from click import Context, Parameter

from sidestep.cli.lab.choices import client
from sidestep.errors import SidestepError
from sidestep.lab.api import messages as api
from sidestep.lab.machine.scratch import DEFAULT
from sidestep.model.kinds import KINDS

_PATIENCE = 2.0


def kinds(_context: Context, _parameter: Parameter, begun: str) -> list[str]:
    """Plurals of the kinds that the lab knows."""
    return sorted(kind.plural for kind in KINDS if kind.plural.startswith(begun))


def pods(context: Context, _parameter: Parameter, begun: str) -> list[str]:
    """Pods as `namespace/name`; none where no lab answers."""
    try:
        told = client(context.params.get("lab") or DEFAULT, _PATIENCE).ask(api.List("pods"))
    except SidestepError:
        return []
    names = (f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in told)
    return [name for name in names if name.startswith(begun)]
