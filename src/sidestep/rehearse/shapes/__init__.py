"""Which workloads are of one shape, and a mesh with one of them for many. Pure."""
