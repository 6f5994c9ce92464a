"""What ztunnel writes as `error=`.

Source: the texts of ztunnel's src/proxy.rs, src/tls/lib.rs and src/identity.rs; when each is raised, ztunnel.md §5.4
and §6; what istiod makes of policies for ztunnel, istio-semantics.md §3.5-3.8. The first phrase that fits counts.
"""

from sidestep.explain.log_lines.meaning import Phrase

WRAPPERS = ("send: ", "receive: ", "while closing connection: ", "io error: ")
"""What ztunnel puts before the error proper to say where it was met."""

ERRORS: tuple[Phrase, ...] = (
    (
        "allow policies exist, but none allowed",
        (
            "ztunnel at the destination refused the connection: ALLOW policies apply to the pod and no rule fits it.",
            (
                "no rule names this identity, namespace, address or port",
                "rules with methods, paths, hosts, headers or tokens are left out at ztunnel and admit nobody there",
                "the client came through a waypoint or gateway, whose identity counts then and which no rule names",
                "a client in plain text has no identity that a rule could fit",
            ),
        ),
    ),
    (
        "explicitly denied by",
        (
            "ztunnel at the destination refused the connection: a DENY policy fits it.",
            (
                "the policy means it",
                "its HTTP conditions are left out at ztunnel, so that it denies more than it did in a sidecar",
            ),
        ),
    ),
    (
        "policy change",
        (
            "An open connection was closed because the policies, changed meanwhile, no longer admit it.",
            ("a policy was added or edited: ztunnel judges open connections anew, sidecars do not",),
        ),
    ),
    (
        "policy rejection",
        (
            "ztunnel refused the connection, for it could not match it to a pod of its own.",
            ("the pod was just created or deleted",),
        ),
    ),
    (
        "blocking hbone port 15008",
        (
            "The pod did not answer on port 15008, by which HBONE comes in.",
            (
                "a NetworkPolicy, at the client or the server, admits the app's port and not TCP 15008",
                "the destination is listed as enrolled and its node's ztunnel is down",
            ),
        ),
    ),
    (
        "http status: 401",
        (
            "ztunnel at the destination refused the connection by policy.",
            ("see the line of the destination's ztunnel, which names the policy or says that none allowed",),
        ),
    ),
    (
        "http status: 403",
        (
            "The waypoint, gateway or sidecar at the other end of the tunnel refused the connection by policy.",
            ("an authorization policy on that proxy; its own access log names it",),
        ),
    ),
    (
        "http status: 404",
        (
            "The waypoint has no route for the address and port that were asked for.",
            ("the port is not one of the service's", "the waypoint has not yet learnt of the service"),
        ),
    ),
    (
        "http status: 400",
        (
            "The other end found the address asked for not to be its own.",
            ("the address belongs to another pod by now", "a pod with an address that its ztunnel does not know"),
        ),
    ),
    (
        "http status: 503",
        (
            "The other end accepted the tunnel and could not reach the app.",
            (
                "nothing listens on that port of the pod, or the app is not ready",
                "a waypoint without a healthy endpoint behind it",
            ),
        ),
    ),
    (
        "http status",
        ("The other end of the tunnel refused it with this status.", ("see the log of the proxy at that end",)),
    ),
    (
        "unknown waypoint",
        (
            "The service or pod is bound to a waypoint that ztunnel cannot find, so the connection was closed.",
            (
                "the Gateway named by istio.io/use-waypoint does not exist, or has no ready pod",
                "the waypoint is new and istiod has not told ztunnel of it",
            ),
        ),
    ),
    (
        "network gateway",
        (
            "The endpoint is on another network and its gateway cannot be found.",
            ("no east-west gateway for that network, or topology.istio.io/network differs between the two sides",),
        ),
    ),
    ("no gateway address", ("The waypoint or gateway has no address.", ("it has no ready pod",))),
    (
        "no healthy upstream",
        (
            "The service has no endpoint that ztunnel may use.",
            (
                "no pod behind it is ready",
                "all its endpoints are on another network, or left out by its traffic distribution",
            ),
        ),
    ),
    (
        "no service or workload for hostname",
        ("ztunnel does not know the hostname in the tunnel.", ("the service is gone, or not visible to it",)),
    ),
    ("no service for target address", ("ztunnel knows no service at that address.", ("the service was deleted",))),
    ("no endpoints for workload", ("The service has no endpoint.", ("no pod behind it is ready",))),
    ("no ip address", ("The service or host has no address.", ("the host of a ServiceEntry does not resolve",))),
    (
        "no a/aaaa records",
        ("The host resolves to no address.", ("the host of a ServiceEntry has no A or AAAA record",)),
    ),
    ("dns lookup", ("The name did not resolve.", ("the host of a ServiceEntry does not exist in DNS",))),
    ("dns response had", ("The name did not resolve.", ("the host of a ServiceEntry has no A or AAAA record",))),
    ("dns: ", ("The name did not resolve.", ("a DNS server that answers what cannot be read",))),
    (
        "cannot resolve port",
        (
            "The service has the port, and ztunnel found no port of the pod for it.",
            ("a targetPort by name that this pod does not declare",),
        ),
    ),
    ("no valid service port", ("The service has no such port.", ("a port that was renamed or removed",))),
    ("no valid target port", ("The pod has no port for that of the service.", ("a targetPort by name",))),
    ("no valid routing destination", ("ztunnel found nowhere to send it.", ("an endpoint without address or port",))),
    (
        "local workload",
        (
            "ztunnel was not told in time which pod this is, so the connection was closed.",
            (
                "the pod is new and istiod slow or out of reach",
                "istiod does not know the pod: another cluster, revision or discovery selector",
            ),
        ),
    ),
    (
        "workload is unknown",
        (
            "ztunnel does not know the pod that it would get a certificate for.",
            ("the pod is new or just deleted", "istiod is slow or out of reach"),
        ),
    ),
    (
        "unknown source",
        ("ztunnel does not know the pod that the connection came from.", ("the pod is new or just deleted",)),
    ),
    (
        "signing grpc error",
        (
            "The CA gave ztunnel no certificate for the pod.",
            (
                "istiod is out of reach, or does not trust this ztunnel (CA_TRUSTED_NODE_ACCOUNTS)",
                "the pod is not on the node of the ztunnel that asks",
            ),
        ),
    ),
    ("identity is no longer needed", ("The pod went away while its certificate was being fetched.", ("a short pod",))),
    (
        "certificate revoked",
        ("The peer's certificate was revoked.", ("a revocation list that names it",)),
    ),
    (
        "ip mismatch",
        (
            "The tunnel asked for an address that is not the pod's.",
            (
                "the address belongs to another pod by now",
                "a waypoint of other make that sends an address of a service",
            ),
        ),
    ),
    (
        "recursive call",
        (
            "The connection would have led back into ztunnel itself.",
            ("a client that calls port 15001, 15006 or 15008 of a pod",),
        ),
    ),
    ("expected method connect", ("Something sent plain HTTP to the HBONE port.", ("a client that calls port 15008",))),
    ("invalid connect address", ("The tunnel asked for an address that cannot be read.", ("a peer of other make",))),
    ("no valid authority", ("The tunnel asked for an address that cannot be read.", ("a peer of other make",))),
    (
        "connection drain",
        (
            "The connection was cut because ztunnel, or the pod, was stopping.",
            ("a roll-out of ztunnel: connections older than its grace period are cut", "the pod was deleted"),
        ),
    ),
    (
        "failed to drain",
        ("The connection outlived the grace period of a stopping ztunnel.", ("a roll-out of ztunnel",)),
    ),
    ("pool draining", ("ztunnel was stopping.", ("a roll-out of ztunnel",))),
    ("destination disconnected", ("The server left before it had read everything.", ("the app closed or crashed",))),
    ("client disconnected", ("The client left before it had read everything.", ("a timeout or crash of the client",))),
    (
        "connection tracking failed",
        ("ztunnel could not keep book of the connection, which it needs to judge it anew, and closed it.", ()),
    ),
    ("unsupported feature", ("ztunnel does not do what this would need.", ("a service across networks by its pods",))),
    (
        "http2 handshake failed",
        (
            "TLS worked and HTTP/2 did not.",
            ("something other than ztunnel, a waypoint or a sidecar with HBONE answers on 15008",),
        ),
    ),
    (
        "h2 failed",
        ("The tunnel broke while it was used.", ("the peer's proxy was stopped", "the network between the nodes")),
    ),
)
