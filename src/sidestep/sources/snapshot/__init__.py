"""One compressed file that holds what all verbs need of a mesh, and nothing that should not leave the building.

Gzip of JSON lines: a manifest, one Kubernetes object per line beside its origin, a trailer with count and checksum.
`zcat mesh.sidestep | jq` shows all there is.
"""

from sidestep.sources.snapshot.pseudonyms import new_hash_key
from sidestep.sources.snapshot.read import SnapshotSource, is_snapshot
from sidestep.sources.snapshot.write import write_snapshot

__all__ = ["SnapshotSource", "is_snapshot", "new_hash_key", "write_snapshot"]
