"""A node's agent: the built-in workloads of its pods, their probes, their DNS, calls and load from them."""
