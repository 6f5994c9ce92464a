"""Differences in mTLS and identity (D26 to D37)."""

from sidestep.semantics.differences.difference import DOCS, Area, Difference, Direction

_B = Area.IDENTITY
_PEERS = "istio/istio: pilot/pkg/serviceregistry/ambient/authorization.go"
_ENROL = f"{DOCS}ambient/architecture/traffic-redirection/"
_WAYPOINT = "istio/istio: pilot/pkg/networking/core/listener_waypoint.go"
_MTLS = f"{DOCS}reference/config/security/peer_authentication/"
_L7 = f"{DOCS}ambient/usage/l7-features/"
_DATA_PLANE = f"{DOCS}ambient/architecture/data-plane/"

IDENTITY: tuple[Difference, ...] = (
    Difference(
        "D26", "PeerAuthentication DISABLE is ignored", _B, Direction.OPEN,
        "The port takes plaintext alone: clients that insist on mTLS fail, and on a TCP port they hang.",
        "Ztunnel reads DISABLE as PERMISSIVE and takes HBONE as well as plaintext; the peer now has an identity, and "
        "what looked at plaintext on the wire sees none.",
        "A PeerAuthentication says DISABLE for a workload or a port.",
        "Remove it, unless somebody reads the traffic on the wire: that needs pods outside of the mesh.",
        (_PEERS, _MTLS),
    ),
    Difference(
        "D27", "A DISABLE port under STRICT needs a mode beside it", _B, Direction.CLOSED,
        "A port with DISABLE is exempt from the mesh's STRICT, whether or not the policy has a mode of its own.",
        "istiod looks for PERMISSIVE ports alone where the workload's mode is unset: the port stays STRICT, and "
        "plaintext to it is refused.",
        "STRICT for mesh or namespace, and a PeerAuthentication with a selector, no mode, and a DISABLE port.",
        "Write PERMISSIVE for that port.",
        (_PEERS,),
    ),
    Difference(
        "D28", "Some STRICT ports stand open", _B, Direction.OPEN,
        "The port refuses plaintext.",
        "Under a mesh-wide STRICT without one for the namespace, a workload that is PERMISSIVE or DISABLE with one "
        "port STRICT lists a policy that is never sent: plaintext enters the port. And where the namespace's and the "
        "workload's modes are unset, one PERMISSIVE port opens the whole workload.",
        "A PeerAuthentication with a selector and `portLevelMtls` in such a combination.",
        "Give the namespace a PeerAuthentication of its own with mode STRICT.",
        (_PEERS, "istio/istio: pilot/pkg/serviceregistry/ambient/policies.go"),
    ),
    Difference(
        "D29", "Ports that were left out of the mesh are in it now", _B, Direction.CLOSED,
        "`traffic.sidecar.istio.io/exclude…` and `include…` leave ports and addresses alone.",
        "The annotations mean nothing: ztunnel captures all of it, so STRICT and policies reach those ports, and what "
        "went out directly passes through ztunnel.",
        "Pods have such annotations, e.g. for metrics or replication between databases.",
        "Write exceptions as PERMISSIVE ports and ALLOW rules; exempt pods by `istio.io/dataplane-mode: none`.",
        (_ENROL, "istio/istio: tools/istio-iptables"),
    ),
    Difference(
        "D30", "Clients without a mesh never meet the waypoint", _B, Direction.OPEN,
        "The pod's sidecar judges the HTTP of plaintext callers too.",
        "Nothing captures the caller, so kube-proxy chooses a pod, and ztunnel there admits it unless mTLS is STRICT: "
        "the waypoint's policies are not asked, and PeerAuthentication is none of a waypoint's business.",
        "Callers outside of the mesh, PERMISSIVE mTLS, and policies attached to a Service.",
        "Set STRICT, or admit only the waypoint at the pod.",
        (_DATA_PLANE, _WAYPOINT),
    ),
    Difference(
        "D31", "Old sidecars get plaintext from ambient", _B, Direction.CLOSED,
        "The client's sidecar sends mTLS, and the server's knows who calls.",
        "Ztunnel and waypoints send HBONE or plaintext. To a sidecar that was started without HBONE it is plaintext: "
        "STRICT refuses it, and policies find no principal. What such sidecars send to ambient pods is plaintext too.",
        "A client moves before the pods that it calls were restarted with `ISTIO_META_ENABLE_HBONE`.",
        "Restart all sidecars first; their pods then have the label `networking.istio.io/tunnel: http`.",
        ("istio/istio: pilot/pkg/serviceregistry/ambient/workloads.go", f"{DOCS}ambient/migrate/"),
    ),
    Difference(
        "D32", "Probes of the kubelet take another way", _B, Direction.OBSERVED,
        "The webhook rewrites HTTP probes to the agent's port 15020, past the policies of the application's port.",
        "What the pod's own node sends passes ztunnel by, probes and, with iptables, all else; NetworkPolicies, which "
        "let in what a node sends to its own pods, know probes by 169.254.7.127. Probes from elsewhere, such as a load "
        "balancer's, are plaintext in both, and STRICT and policies apply to them.",
        "Pods have probes.",
        "Let 169.254.7.127 (and fd16:9254:7127:1337:ffff:ffff:ffff:ffff) in where NetworkPolicies hold pods, which "
        "`sidestep convert` does; admit health checks that come from outside of the node.",
        (_ENROL, f"{DOCS}ops/configuration/mesh/app-health-check/"),
        decidable=False,
        undecidable="where no NetworkPolicy keeps it out, which a proof asks, what comes of a probe is the same",
    ),
    Difference(
        "D33", "X-Forwarded-Client-Cert is gone", _B, Direction.OBSERVED,
        "The sidecar tells the application the caller's certificate in a header.",
        "Ztunnel writes no headers, and a waypoint removes this one, unless an annotation (1.30) has it write the "
        "names of both ends. Applications that decide by it refuse everybody, or believe what anybody sends.",
        "The application reads `x-forwarded-client-cert`.",
        "Use the waypoint's annotation, or policies instead of the application's own check.",
        (_WAYPOINT, "istio/istio: pilot/pkg/networking/core/listener_inbound.go"),
    ),
    Difference(
        "D34", "Nobody validates tokens without a waypoint", _B, Direction.OPEN,
        "A request with an invalid token gets 401.",
        "RequestAuthentication by selector, namespace or mesh is read neither by ztunnel nor by waypoints: the request "
        "is passed on. Policies on request principals turn into D05 or D06.",
        "A RequestAuthentication without `targetRefs`.",
        "Attach it to the Service with `targetRefs`, and the policies on its claims with it.",
        ("istio/istio: pilot/pkg/model/policyattachment.go", _L7),
    ),
    Difference(
        "D35", "Headers made from tokens are absent", _B, Direction.OBSERVED,
        "The sidecar hands claims on in headers (`outputClaimToHeaders`, `outputPayloadToHeader`).",
        "Without a waypoint that validates tokens nobody sets them, and whoever sends such a header is believed. "
        "The token itself is handed on, whether `forwardOriginalToken` says so or not.",
        "A RequestAuthentication has such outputs, and the application reads them.",
        "Attach it to the Service with `targetRefs`.",
        ("istio/istio: pilot/pkg/security/authn", f"{DOCS}reference/config/security/request_authentication/"),
    ),
    Difference(
        "D36", "Nobody starts TLS towards the outside", _B, Direction.ROUTE,
        "A DestinationRule has the client's sidecar start TLS to an external host.",
        "Ztunnel sends on what the application wrote: plaintext leaves the cluster.",
        "A DestinationRule with `tls.mode: SIMPLE` or `MUTUAL` for a ServiceEntry's host.",
        "Bind the ServiceEntry to an egress waypoint, or let the application speak TLS.",
        (f"{DOCS}ambient/usage/waypoint/", f"{DOCS}tasks/traffic-management/egress/egress-tls-origination/"),
    ),
    Difference(
        "D37", "Names that a DestinationRule expects in certificates are not looked at", _B, Direction.BOTH,
        "The client's sidecar refuses a server whose certificate has none of `subjectAltNames`.",
        "Ztunnel expects the identity that istiod told it of the pod, and reads no DestinationRule.",
        "A DestinationRule has `tls.subjectAltNames` for a service of the mesh.",
        "Guard the server by policy; keep names for hosts outside, at an egress waypoint.",
        ("istio/ztunnel: src/tls/workload.rs", f"{DOCS}reference/config/networking/destination-rule/"),
    ),
)  # fmt: skip
