"""Marks on packets of a node's proxy: by the lower bits redirection lets them pass (ztunnel.md §1.3).

The bits above are ours: the kernel keeps a mark with its connection, and so can tell which connections to applications
came in by a tunnel, and which in plaintext.
"""

MARK = 0x539
TUNNELLED_MARK = 0x10000 | MARK
"""To an application, on behalf of who came by a tunnel."""
PLAIN_MARK = 0x20000 | MARK
"""Likewise of who came in plaintext."""

ADMIN = "mesh.admin"
"""Cluster of a pod's proxy, there from its start, that leads to its own administration."""
