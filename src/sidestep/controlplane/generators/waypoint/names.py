"""Names that the parts of a waypoint know each other by.

All that a client could name, too, is overwritten before anybody reads it: the header `CHAIN` at both ends of the way
through the waypoint.
"""

CONNECT = "mesh.connect"
"""Where tunnels end: listener and routes."""
MAIN = "mesh.main"
"""Where requests are judged and routed: listener and cluster."""
SNIFF = "mesh.sniff"
"""Where it is found out whether a connection speaks HTTP: listener and cluster."""
WAIT = "mesh.wait"
"""Where the client's first bytes are waited for, whatever they are: listener and cluster."""
STREAMS = "mesh.streams"
"""Where other connections are judged and routed, each as a CONNECT: listener, cluster and routes."""
PODS = "mesh.pods"
"""Pods that were dialled themselves: chain of requests, cluster and listener by which those with a tunnel are
reached."""
PLAIN_PODS = "mesh.pods.plain"
"""Likewise those without a tunnel."""
CHAIN = "x-mesh-chain"
"""Header that names what a request is judged and routed by."""
CHAIN_STATE, DIALLED_STATE = "mesh.chain", "mesh.dialled"
"""Filter state: the same for a connection, and the address and port that the client dialled."""
POD_STATE = "mesh.pod"
"""Likewise of a request that goes to the pod that was dialled itself."""
LOCAL, REMOTE = "envoy.filters.listener.original_dst.local_ip", "envoy.filters.listener.original_dst.remote_ip"
