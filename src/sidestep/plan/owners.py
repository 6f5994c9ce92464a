"""Whose a workload is, by the labels that people use for that."""

from sidestep.model.pods import PodShape

OWNER = "sidestep.dev/owner"
_LABELS = ("team", "owner", "app.kubernetes.io/part-of")


def owner_of(shape: PodShape) -> str:
    """The owner that a pod names; empty where it names none."""
    named = shape.annotations.get(OWNER) or shape.labels.get(OWNER)
    return named or next((shape.labels[label] for label in _LABELS if shape.labels.get(label)), "")
