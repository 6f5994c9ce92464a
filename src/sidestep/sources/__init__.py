"""How a mesh gets in: cluster, files, archive, snapshot, telemetry, prices.

The only storey that reads the world. Every door gives the same `model.Mesh`; what could not be read is a `Gap` in it.
"""
