"""Names that the parts of a pod's proxy know each other by."""

MARK_BYTES, MARK_HTTP = "mesh", "mesh-http"
"""Offered by TLS clients of the mesh besides the protocol itself: who offers one shows a certificate of the mesh, and
what is inside is HTTP or not. Servers never choose them (envoy.md §2)."""

PASSTHROUGH = "PassthroughCluster"
"""Dials where the connection was going to."""
HBONE_CLUSTER = "connect_originate"
"""Connections that are CONNECT streams, and the listener inside of the proxy that makes them."""


def cluster_name(host: str, port: int, subset: str = "", direction: str = "outbound") -> str:
    """As Istio calls it: `outbound|80|v1|reviews.shop.svc.cluster.local`."""
    return f"{direction}|{port}|{subset}|{host}"
