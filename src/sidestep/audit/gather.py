"""Gather the facts of a mesh: its workloads, what was measured, and what the caller set."""

from sidestep.audit.facts import Facts, Options
from sidestep.model.mesh import Mesh
from sidestep.model.telemetry import Telemetry
from sidestep.semantics.inventory import inventory


def gather(mesh: Mesh, telemetry: Telemetry, options: Options) -> Facts:
    """The facts of a mesh."""
    stock = inventory(mesh, options.namespaces)
    return Facts(mesh, stock.injectors, stock.workloads, telemetry, options)
