"""Envoy in ztunnel's role: one proxy per node, which listens inside of each of its pods."""

from sidestep.controlplane.generators.node.generator import NodeGenerator
from sidestep.controlplane.generators.node.settings import Settings, Windows

__all__ = ["NodeGenerator", "Settings", "Windows"]
