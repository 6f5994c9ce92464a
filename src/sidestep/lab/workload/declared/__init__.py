"""From a pod's object to what its containers run: docs/lab-workload.md."""
