"""Symptoms of connections that fail."""

from sidestep.audit.symptom_catalogue import common
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom

_POLICY_CHANGED = Cause(
    "A policy changed, and ztunnel closed open connections that it no longer admits; sidecars leave them open.",
    "ztunnel's log at the server: `connection closed due to policy change`",
)
_POOL_BEFORE_ENROLMENT = Cause(
    "The connection was opened before the pod was enrolled, stayed outside the mesh, and was cut by STRICT later.",
    "compare the pod's start with the time of enrolment; restart the client's connection pool",
)

SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "upstream-connect-error",
        "upstream connect error or disconnect/reset before headers",
        (
            "upstream connect error or disconnect/reset before headers",
            "reset reason: connection failure",
            "reset reason: remote connection failure",
            "503 UF",
            "response flags UF",
            "503 service unavailable",
        ),
        (
            common.WAYPOINT_REFUSED,
            common.REFUSED_AT_ZTUNNEL,
            common.NETWORK_POLICY,
            common.PLAINTEXT_TO_STRICT,
            common.OLD_SIDECAR,
            common.TLS_ORIGINATION,
            common.WAYPOINT_GONE,
            common.ROOT_ROTATION,
            common.APPLICATION,
        ),
    ),
    Symptom(
        "connection-termination",
        "connection termination, 503 UC",
        (
            "reset reason: connection termination",
            "connection termination",
            "503 UC",
            "response flags UC",
            "upstream_reset_before_response_started{connection_termination}",
        ),
        (
            common.DRAIN,
            Cause(
                "The application closes idle connections before the proxy does, and a request meets the closing.",
                "compare the application's keep-alive timeout with the proxy's idle timeout of an hour",
                "let the application keep idle connections longer than its clients, or retry on reset-before-request",
            ),
            common.TLS_ORIGINATION,
            common.WAYPOINT_REFUSED,
            common.WAYPOINT_GONE,
            _POLICY_CHANGED,
        ),
    ),
    Symptom(
        "503-while-rolling",
        "503 during a rolling update",
        ("503 during rolling update", "errors during rollout", "503 when pods restart", "errors while deploying"),
        (
            common.DRAIN,
            common.WAYPOINT_GONE,
            Cause(
                "Pods with sidecars and pods in ambient answer for one Service, and are judged by different policies.",
                "kubectl get pods -L istio.io/dataplane-mode -o wide: which have two containers",
                codes=("SID118", "SID106", "SID207"),
            ),
            Cause(
                "The application ends before it is taken out of the Service.",
                "does it have a preStop hook or handle SIGTERM, and a readiness probe",
            ),
        ),
    ),
    Symptom(
        "connection-reset",
        "connection reset by peer",
        (
            "connection reset by peer",
            "connection reset",
            "ECONNRESET",
            "read: connection reset",
            "recv failure connection was reset",
            "RST",
        ),
        (
            common.REFUSED_AT_ZTUNNEL,
            common.PLAINTEXT_TO_STRICT,
            common.WAYPOINT_REFUSED,
            common.DRAIN,
            _POLICY_CHANGED,
            _POOL_BEFORE_ENROLMENT,
            common.OLD_SIDECAR,
        ),
    ),
    Symptom(
        "connection-closed",
        "connection closed, unexpected EOF",
        (
            "connection closed",
            "unexpected EOF",
            "EOF",
            "empty reply from server",
            "socket hang up",
            "server closed the connection unexpectedly",
            "remote end closed connection without response",
            "error reading from server: EOF",
        ),
        (
            common.REFUSED_AT_ZTUNNEL,
            common.WAYPOINT_REFUSED,
            common.PLAINTEXT_TO_STRICT,
            Cause(
                "The Service has no such port: without a waypoint ztunnel closes, with one the waypoint does.",
                "kubectl get service NAME -o jsonpath='{.spec.ports[*].port}'",
            ),
            common.DRAIN,
            _POLICY_CHANGED,
        ),
    ),
    Symptom(
        "connection-refused",
        "connection refused",
        ("connection refused", "ECONNREFUSED", "dial tcp connect: connection refused", "failed to connect to port"),
        (
            Cause(
                "A script calls the sidecar's own ports (15000, 15020, 15021), and there is no sidecar any more.",
                "which address is refused: 127.0.0.1:150xx",
                codes=("SID220",),
            ),
            common.PLAINTEXT_TO_STRICT,
            common.APPLICATION,
            Cause(
                "ztunnel does not run on the node, or was restarted.",
                "kubectl -n istio-system get pods -l app=ztunnel -o wide",
            ),
        ),
    ),
    Symptom(
        "no-healthy-upstream",
        "no healthy upstream, 503 UH",
        ("no healthy upstream", "503 UH", "response flags UH", "no healthy host", "no endpoints available"),
        (
            Cause(
                "No pod of the Service is ready.",
                "kubectl get endpointslices -l kubernetes.io/service-name=NAME",
            ),
            common.WAYPOINT_GONE,
            Cause(
                "ztunnel: the port that was dialled is not among the Service's.",
                "ztunnel's log at the client: `no healthy upstream`; kubectl get service NAME",
            ),
            Cause(
                "Outlier detection of a DestinationRule has ejected the pods; at a waypoint it counts for all clients.",
                "envoy_cluster_outlier_detection_ejections_active at the waypoint",
                "loosen outlierDetection, or set maxEjectionPercent",
            ),
            Cause(
                "A subset of a DestinationRule selects no pod.",
                "istioctl analyze -A (IST0173)",
            ),
        ),
    ),
    Symptom(
        "no-route",
        "no route, 503 NR or 404 NR",
        ("503 NR", "404 NR", "response flags NR", "route_not_found", "no route found", "cluster_not_found", "503 NC"),
        (
            Cause(
                "The client dialled by an address and the waypoint chose the Service by it; the VirtualService is for "
                "another host, or in a namespace that the waypoint does not read.",
                "istioctl proxy-config routes deployment/WAYPOINT; is the route in the Service's namespace",
                "put routes into the Service's namespace",
            ),
            Cause(
                "An HTTPRoute without a rule that matches, or with a backend that does not exist (500).",
                "kubectl get httproutes -A -o yaml: conditions Accepted and ResolvedRefs",
            ),
            Cause(
                "A subset or a host of a route is unknown.",
                "istioctl analyze -A (IST0101, IST0173)",
            ),
            Cause(
                "REGISTRY_ONLY, or the egress of a Sidecar resource, hides the host from a client with a sidecar.",
                "kubectl get sidecars -A; mesh configuration outboundTrafficPolicy",
                codes=("SID203",),
            ),
        ),
    ),
    Symptom(
        "external-call-fails",
        "Calls to an external service fail",
        (
            "external call fails",
            "external service unreachable",
            "egress fails",
            "The plain HTTP request was sent to HTTPS port",
            "wrong version number",
            "Client sent an HTTP request to an HTTPS server",
        ),
        (
            common.TLS_ORIGINATION,
            common.EGRESS_GATEWAY,
            Cause(
                "The ServiceEntry has no address and ztunnel does not answer DNS, so that it is not recognised.",
                "kubectl get serviceentries -A -o json: status.addresses; dig the host from a pod",
                codes=("SID216",),
            ),
            Cause(
                "The ServiceEntry is bound to an egress waypoint that does not serve, or refuses.",
                "kubectl get serviceentries -A -o yaml | grep -A5 WaypointBound",
                codes=("SID122", "SID121"),
            ),
            Cause(
                "A NetworkPolicy of the namespace does not let its pods, or the waypoint, out.",
                "kubectl get networkpolicies -A",
            ),
        ),
    ),
    Symptom(
        "name-not-found",
        "NXDOMAIN, no such host",
        (
            "NXDOMAIN",
            "no such host",
            "Name or service not known",
            "could not resolve host",
            "bad address",
            "Temporary failure in name resolution",
            "SERVFAIL",
            "getaddrinfo ENOTFOUND",
            "EAI_AGAIN",
            "DNS resolution failed",
        ),
        (
            Cause(
                "The host is known only to a ServiceEntry, and DNS capture is off.",
                "kubectl -n istio-system get configmap istio-cni-config -o jsonpath='{.data.AMBIENT_DNS_CAPTURE}'",
                codes=("SID216",),
            ),
            Cause(
                "ztunnel answers DNS for the pod and does not know it yet (SERVFAIL), or its upstream fails.",
                "ztunnel's metrics istio_dns_*; dig the same name from a pod with istio.io/dataplane-mode=none",
            ),
            Cause(
                "discoverySelectors leave out the pod's namespace, and ztunnel knows none of its pods (SERVFAIL).",
                "kubectl -n istio-system get configmap istio -o jsonpath='{.data.mesh}'",
                codes=("SID232",),
            ),
            Cause(
                "The name does not exist: a short name from another namespace, or a Service that is gone.",
                "kubectl get services -A | grep NAME",
            ),
        ),
    ),
    Symptom(
        "hangs",
        "Timeouts, requests that hang",
        (
            "timeout",
            "timed out",
            "request hangs",
            "hangs forever",
            "connection hangs",
            "upstream request timeout",
            "504 gateway timeout",
            "context deadline exceeded",
            "i/o timeout",
            "ETIMEDOUT",
            "traffic stuck",
        ),
        (
            common.NETWORK_POLICY,
            common.SERVER_FIRST,
            Cause(
                "The waypoint has too little CPU or memory, or a single replica.",
                "kubectl top pods -A -l gateway.istio.io/managed=istio.io-mesh-controller",
                codes=("SID121", "SID115", "SID117"),
            ),
            Cause(
                "A script waits for the sidecar in a loop that never ends.",
                "kubectl logs of the pod; ps inside it",
                codes=("SID220",),
            ),
            Cause(
                "PeerAuthentication DISABLE on a TCP port: a sidecar hands TLS bytes to the application, which waits.",
                "kubectl get peerauthentications -A -o yaml | grep -B6 DISABLE",
                codes=("SID223",),
            ),
            Cause(
                "A VirtualService is applied by the gateway and by the waypoint: timeouts and retries multiply.",
                "kubectl get virtualservices -A -o json: spec.gateways with mesh and others",
                codes=("SID228",),
            ),
            common.SOCKET_LB,
        ),
    ),
)
