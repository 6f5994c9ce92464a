"""Why TCP or TLS to an endpoint failed, in Envoy's words and in ztunnel's.

Source: Envoy's raw_buffer and TLS transport sockets (the names of errno and of BoringSSL), rustls and the kernel.
"""

from sidestep.explain.log_lines.meaning import Phrase

TRANSPORT: tuple[Phrase, ...] = (
    (
        "wrong version number",
        (
            "This proxy spoke TLS to an endpoint that answers in plain text.",
            (
                "a DestinationRule with ISTIO_MUTUAL or SIMPLE towards a pod that has no sidecar to take the TLS off",
                "a port of the app that has no TLS",
            ),
        ),
    ),
    (
        "certificate required",
        (
            "The endpoint demands a client certificate and got none.",
            ("the client speaks TLS of its own, not mTLS of the mesh",),
        ),
    ),
    (
        "certificate expired",
        ("A certificate has expired.", ("a proxy that no longer reaches istiod", "clocks that differ")),
    ),
    (
        "peer did not present the expected san",
        (
            "The endpoint has another identity than expected.",
            (
                "the address belongs to another pod by now",
                "a workload changed its service account meanwhile",
            ),
        ),
    ),
    (
        "san matcher",
        ("The endpoint has another identity than expected.", ("subjectAltNames of a DestinationRule, or another pod",)),
    ),
    (
        "peer did not present the expected trustdomain",
        (
            "The peer is of another trust domain.",
            ("clusters with different trust domains: ztunnel does not know trustDomainAliases",),
        ),
    ),
    (
        "unknownissuer",
        ("The peer's certificate is of a CA that is not trusted here.", ("clusters that do not share a root",)),
    ),
    (
        "unknown ca",
        ("The peer does not trust the CA of this side's certificate.", ("clusters that do not share a root",)),
    ),
    (
        "certificate verify failed",
        (
            "The endpoint's certificate did not verify.",
            ("clusters that do not share a root of trust", "a certificate of the app and not of the mesh"),
        ),
    ),
    ("invalid peer certificate", ("The peer's certificate did not verify.", ("clusters that do not share a root",))),
    (
        "secret is not supplied",
        ("The proxy has no certificate yet.", ("istiod or its CA has not answered", "it has just started")),
    ),
    (
        "corrupt message",
        (
            "The peer does not speak TLS on this port.",
            ("something other than ztunnel, a waypoint or a sidecar with HBONE listens on 15008",),
        ),
    ),
    (
        "connection refused",
        ("Nothing listens on that port.", ("the app is not ready, or listens on another port or only on localhost",)),
    ),
    (
        "connect error: 111",
        ("Nothing listens on that port.", ("the app is not ready, or listens on another port or only on localhost",)),
    ),
    (
        "no route to host",
        ("There is no way to that address.", ("the pod is gone", "a firewall or NetworkPolicy rejects")),
    ),
    ("connect error: 113", ("There is no way to that address.", ("the pod is gone", "a firewall rejects"))),
    ("network is unreachable", ("There is no way to that network.", ("an IPv6 address on a node without IPv6",))),
    (
        "timed out",
        ("The endpoint did not answer in time.", ("a NetworkPolicy or firewall drops packets", "the pod is gone")),
    ),
    ("connect error: 110", ("The endpoint did not answer in time.", ("a NetworkPolicy or firewall drops packets",))),
    (
        "deadline has elapsed",
        ("The endpoint did not answer in time.", ("a NetworkPolicy or firewall drops packets", "the pod is gone")),
    ),
    (
        "reset by peer",
        ("The peer reset the connection.", ("it crashed or was stopped", "a firewall forgot the connection")),
    ),
    ("broken pipe", ("The peer had closed while data was still being sent.", ("it was stopped, or gave up",))),
    ("not connected", ("The peer was gone before the connection was used.", ("a client that gives up at once",))),
)
