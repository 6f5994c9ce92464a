"""Symptoms of identity and policy."""

from sidestep.audit.symptom_catalogue import common
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom

SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "rbac-access-denied",
        "RBAC: access denied, 403",
        (
            "RBAC: access denied",
            "rbac_access_denied_matched_policy",
            "403 forbidden",
            "HTTP 403",
            "PERMISSION_DENIED",
            "allow policies exist, but none allowed",
            "explicitly denied by",
        ),
        (
            Cause(
                "A policy at the waypoint compares ports, and sees the Service's; at the pods it is the target's.",
                "the policy has targetRefs and `ports`; is the Service's port another than its targetPort",
                "write the Service's port in policies with targetRefs",
            ),
            Cause(
                "A policy that means it: the client's identity, method or path is not admitted.",
                "istioctl proxy-config log deployment/WAYPOINT --level rbac:debug, then the waypoint's log",
            ),
            common.REFUSED_AT_ZTUNNEL,
            common.WAYPOINT_REFUSED,
            Cause(
                "The client arrives without an identity: it is in no mesh, or reaches a sidecar in plain text.",
                "the access log of the server: no peer identity",
                codes=("SID113", "SID111", "SID119", "SID120", "SID205"),
            ),
            Cause(
                "An ALLOW attached to the waypoint's Gateway applies to all its Services, also to those without a "
                "policy of their own.",
                "kubectl get authorizationpolicies -A -o json: targetRefs of kind Gateway",
                "attach policies to Services",
            ),
            Cause(
                "ipBlocks at a waypoint: what it takes for the client's address differs between versions.",
                "the policy has ipBlocks and targetRefs",
                "use remoteIpBlocks or identities",
            ),
            Cause(
                "Several CUSTOM policies with different providers meet at one proxy, which then refuses what matches.",
                "kubectl get authorizationpolicies -A -o json: spec.provider.name",
            ),
        ),
    ),
    Symptom(
        "policy-not-enforced",
        "A policy is not enforced",
        (
            "policy not enforced",
            "authorization policy ignored",
            "authorization policy has no effect",
            "request should be denied",
            "requests get in that should not",
            "policy bypassed",
        ),
        (
            Cause(
                "The policy has no targetRefs and looks at HTTP: ztunnel denies nothing by it, or is never sent it.",
                "kubectl get authorizationpolicies -A -o yaml | grep UnsupportedValue (the reason, not the status)",
                codes=("SID208", "SID210", "SID211", "SID230"),
            ),
            Cause(
                "Istio refuses the policy as it is written, and what the API server holds is an older one, or none.",
                "kubectl apply --dry-run=server -f FILE; kubectl get authorizationpolicies -A -o yaml",
                codes=("SID234",),
            ),
            common.UNBOUND,
            common.SIDECAR_CLIENTS,
            common.HEADLESS,
            Cause(
                "The pods are in no data plane: never captured, older than istio-cni, or on the host's network.",
                "kubectl get pods -A -o json: annotation ambient.istio.io/redirection",
                codes=("SID119", "SID120", "SID206", "SID111"),
            ),
            Cause(
                "A STRICT port or workload that ambient leaves open takes plaintext.",
                "curl the pod's address from a pod with istio.io/dataplane-mode=none",
                codes=("SID221",),
            ),
            common.SOCKET_LB,
            Cause(
                "Whatever dials a pod's address instead of the Service's is not seen by the Service's waypoint.",
                "ztunnel's log at the server: src.identity is the client's",
                "deny by selector at the pods whoever is not the waypoint",
            ),
        ),
    ),
    Symptom(
        "bad-certificate",
        "bad certificate",
        (
            "bad certificate",
            "tls: bad certificate",
            "CERTIFICATE_VERIFY_FAILED",
            "certificate signed by unknown authority",
            "x509 unknown authority",
            "TLS_error",
            "unknown CA",
            "identity verification error",
        ),
        (
            common.ROOT_ROTATION,
            common.CLOCK_SKEW,
            Cause(
                "Two control planes or clusters with roots of their own.",
                "kubectl get configmaps -A --field-selector metadata.name=istio-ca-root-cert -o yaml",
                codes=("SID229", "SID104"),
            ),
            Cause(
                "The server is not who ztunnel expects: endpoints that carry another identity than the Service's.",
                "ztunnel's log at the client: the names that it expected and got",
            ),
            common.TLS_ORIGINATION,
        ),
    ),
    Symptom(
        "certificate-not-valid",
        "certificate has expired or is not yet valid",
        (
            "certificate has expired or is not yet valid",
            "certificate expired",
            "certificate is not yet valid",
            "not valid yet",
            "certificate has expired",
        ),
        (
            common.CLOCK_SKEW,
            Cause(
                "istiod cannot be reached or refuses to sign: a proxy keeps its certificate until it ends.",
                "istioctl ztunnel-config certificate; istiod's log and citadel_server_csr_count",
            ),
            Cause(
                "The root or the plugged-in intermediate itself has expired.",
                "citadel_server_root_cert_expiry_timestamp",
            ),
            Cause(
                "A pod that was suspended, or a node that slept, has a certificate that ended meanwhile.",
                "when did the node or the pod last run; restart it",
            ),
        ),
    ),
    Symptom(
        "jwt-unauthorized",
        "401 Unauthorized, Jwt",
        (
            "401 unauthorized",
            "HTTP 401",
            "Jwt is missing",
            "Jwt is expired",
            "Jwt verification fails",
            "Jwt issuer is not configured",
            "Jwks doesn't have key to match kid or alg from Jwt",
            "Jwks remote fetch is failed",
            "http status: 401",
        ),
        (
            Cause(
                "The token is wrong: expired, of another issuer, or of another audience.",
                "decode it; compare with jwtRules of the RequestAuthentication",
            ),
            Cause(
                "istiod fetches the keys without a mesh identity and a STRICT service in the mesh refuses it.",
                "istiod's log: jwks; is jwksUri a Service of the mesh",
                "serve the keys on a PERMISSIVE port, or write them into the policy (jwks)",
            ),
            Cause(
                "In ztunnel's log, 401 on CONNECT is a refusal by policy and has nothing to do with tokens.",
                "ztunnel's log at the server: `none allowed` or `explicitly denied by`",
                codes=("SID207", "SID209", "SID227"),
            ),
            Cause(
                "The gateway and the waypoint both check the token, and the first one removed it.",
                "RequestAuthentication of both: forwardOriginalToken",
                "set forwardOriginalToken on the first",
                codes=("SID228",),
            ),
        ),
    ),
)
