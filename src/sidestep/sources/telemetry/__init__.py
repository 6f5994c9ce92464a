"""Measurements: Prometheus where it is named, else one sample of the cluster's metrics-server."""
