"""Takes a Kubernetes cluster off Istio sidecars onto ambient mesh."""

__version__ = "0.1.0"
