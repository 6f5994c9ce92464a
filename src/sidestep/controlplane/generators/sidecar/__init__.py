"""What sidecars are told."""

from sidestep.controlplane.generators.sidecar.generator import SidecarGenerator

__all__ = ["SidecarGenerator"]
