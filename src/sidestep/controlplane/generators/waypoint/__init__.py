"""What waypoints are told."""

from sidestep.controlplane.generators.waypoint.generator import WaypointGenerator

__all__ = ["WaypointGenerator"]
