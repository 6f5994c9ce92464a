"""What waypoints are told: nothing yet."""

from collections.abc import Iterable

from sidestep.controlplane.generators import Resource, Unit
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty


class WaypointGenerator:
    """Everything about waypoints."""

    def group(self, _index: Index, _proxy: str) -> str:
        """Each has its own."""
        return ""

    def units(self, _index: Index, _dirty: Dirty | None) -> Iterable[Unit]:
        """None."""
        return ()

    def resources(self, _index: Index, _unit: Unit) -> Iterable[Resource]:
        """None."""
        return ()

    def on_demand(self, _index: Index, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """There is none."""
        return None

    def vacated(self, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """Nothing was ever there."""
        return None
