"""Causes that several symptoms share."""

from sidestep.audit.symptom_catalogue.symptom import Cause

NETWORK_POLICY = Cause(
    "A NetworkPolicy admits the application's port and not 15008, on which everything arrives in ambient.",
    "kubectl get networkpolicies -A; ztunnel's log: `maybe a NetworkPolicy is blocking HBONE port 15008`",
    codes=("SID123",),
)
PLAINTEXT_TO_STRICT = Cause(
    "A client in no mesh sends plain text to a port under STRICT mTLS: pods on the host's network, scrapers, load "
    "balancers, pods that were not captured, endpoints that ztunnel takes for strangers.",
    "kubectl get peerauthentications -A; ztunnel's log at the server has no src.identity for the connection",
    codes=("SID205", "SID222", "SID233", "SID111", "SID119", "SID120", "SID231"),
)
OLD_SIDECAR = Cause(
    "The server's sidecar cannot receive HBONE, so that ztunnels and waypoints reach it in plain text, without an "
    "identity.",
    "kubectl get pods -A -l '!networking.istio.io/tunnel,security.istio.io/tlsMode=istio'",
    codes=("SID113",),
)
REFUSED_AT_ZTUNNEL = Cause(
    "A policy with HTTP conditions is enforced by ztunnel, which drops such rules: an ALLOW then admits nobody.",
    "ztunnel's log at the server: `allow policies exist, but none allowed`, or `explicitly denied by`",
    codes=("SID207", "SID209"),
)
WAYPOINT_REFUSED = Cause(
    "Policies at the pods admit the clients and not the waypoint, whose identity they see instead.",
    "ztunnel's log at the server: src.identity is the waypoint's, with `policy rejection` or `none allowed`",
    codes=("SID227",),
)
WAYPOINT_GONE = Cause(
    "The waypoint has no ready pod: its only replica was killed, evicted, or never started. A binding once accepted "
    "stays, and connections fail.",
    "kubectl get pods -A -l gateway.istio.io/managed=istio.io-mesh-controller",
    codes=("SID115", "SID121", "SID201"),
)
TLS_ORIGINATION = Cause(
    "A DestinationRule had the sidecar open TLS to an external host; ztunnel sends what the application wrote.",
    'kubectl get destinationrules -A -o json | grep -n \'"mode": "\\(SIMPLE\\|MUTUAL\\)"\'',
    codes=("SID202",),
)
EGRESS_GATEWAY = Cause(
    "A VirtualService sent the host through an egress gateway; clients of ztunnel go there directly, into a firewall.",
    "curl from a pod in ambient, and look whether the egress gateway's log sees it",
    codes=("SID204",),
)
DRAIN = Cause(
    "A waypoint or ztunnel was restarted, and ended before its connections had drained.",
    "kubectl get deployments,daemonsets -A -o custom-columns="
    "NAME:.metadata.name,GRACE:.spec.template.spec.terminationGracePeriodSeconds",
    codes=("SID217",),
)
SERVER_FIRST = Cause(
    "The server speaks first on a port without a declared protocol behind a waypoint, which waits for the client.",
    "kubectl get services -A -o json | jq '.items[].spec.ports[] | select(.appProtocol == null)'",
    codes=("SID219",),
)
SOCKET_LB = Cause(
    "The CNI rewrites connections inside the pod, so that ztunnel sees a pod's address instead of the Service's.",
    "ztunnel's log at the client: dst.service is absent for a connection that dialled a Service",
    codes=("SID124",),
)
HEADLESS = Cause(
    "The Service is headless: clients dial its pods, past the waypoint.",
    "kubectl get services -A --field-selector spec.clusterIP=None",
    codes=("SID214",),
)
UNBOUND = Cause(
    "The policy attaches to something that no waypoint serves, or the waypoint that a label names does not serve.",
    "kubectl get authorizationpolicies -A -o yaml | grep -B3 -A3 AncestorNotBound",
    codes=("SID122", "SID212", "SID213"),
)
SIDECAR_CLIENTS = Cause(
    "The client has a sidecar, or is a gateway or ingress controller, and goes past the waypoint.",
    "ztunnel's log at the server: src.identity is the client's and not the waypoint's",
    codes=("SID225", "SID226", "SID224"),
)
CLOCK_SKEW = Cause(
    "The clocks of nodes differ. Certificates are valid from two minutes before they are issued; more skew than that "
    "breaks mTLS.",
    "node_timex_sync_status and node_timex_offset_seconds in Prometheus, or `date -u` on the nodes",
    "repair time synchronisation on the nodes; alert above 100 ms",
)
ROOT_ROTATION = Cause(
    "The mesh's root certificate is being rotated. ztunnel learns a new root only with an identity's next certificate.",
    "istioctl ztunnel-config certificate; compare the ConfigMaps istio-ca-root-cert of two namespaces",
    "publish both roots together, wait until every identity lists both, only then switch the signer",
    codes=("SID229",),
)
APPLICATION = Cause(
    "The application itself: it does not listen, listens on 127.0.0.1 only, or closed the connection.",
    "kubectl exec into the pod and call its own address; kubectl logs of the application",
)
