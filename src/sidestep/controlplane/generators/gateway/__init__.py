"""What ingress and egress gateways are told."""

from sidestep.controlplane.generators.gateway.generator import GatewayGenerator

__all__ = ["GatewayGenerator"]
