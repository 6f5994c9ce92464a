"""Requests from within a pod, in every protocol that the workload speaks."""
