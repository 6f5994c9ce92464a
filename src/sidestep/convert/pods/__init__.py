"""Pod templates: what belongs to a sidecar in them, what of it meant something, and the labels of ambient."""
