"""Probes as a kubelet makes them: from the node, with its thresholds."""
