"""Differences in AuthorizationPolicy (D01 to D25).

Seen in Istio's source at 1.24 to 1.31, and most of them as packets through real proxies.
"""

from sidestep.semantics.differences.difference import DOCS, Area, Difference, Direction

_A = Area.AUTHORIZATION
_CONVERSION = "istio/istio: pilot/pkg/serviceregistry/ambient/authorization.go"
_RBAC = "istio/ztunnel: src/rbac.rs"
_ATTACHMENT = "istio/istio: pilot/pkg/model/policyattachment.go"
_WAYPOINT = "istio/istio: pilot/pkg/networking/core/listener_waypoint.go"
_L4 = f"{DOCS}ambient/usage/l4-policy/"
_L7 = f"{DOCS}ambient/usage/l7-features/"
_USE = f"{DOCS}ambient/usage/waypoint/"
_POLICY = f"{DOCS}reference/config/security/authorization-policy/"

AUTHORIZATION: tuple[Difference, ...] = (
    Difference(
        "D01", "A waypoint compares ports with those of the Service", _A, Direction.BOTH,
        "A rule's `ports` name the port on which the container listens.",
        "A policy attached to a Service is judged at the waypoint, where the connection still has the Service's port.",
        "The Service's `port` is not its `targetPort`, and a rule moves from a selector to `targetRefs` as it stands.",
        "Write the Service's ports into the attached policy; one target port may stand for several of them.",
        (_WAYPOINT, _POLICY),
    ),
    Difference(
        "D02", "Behind a waypoint the pod sees the waypoint's identity", _A, Direction.BOTH,
        "The sidecar knows the caller by its certificate.",
        "The waypoint opens a connection of its own, so ztunnel before the pod judges the waypoint's service account. "
        "An ALLOW for callers refuses everybody; a DENY for a caller never fires.",
        "A policy by selector, namespace or mesh names principals, namespaces or accounts, and the Service is bound.",
        "Attach the rule to the Service with `targetRefs`; at the pod admit the waypoint's service account.",
        (_RBAC, _USE),
    ),
    Difference(
        "D03", "Behind a waypoint the pod sees the waypoint's address", _A, Direction.BOTH,
        "`ipBlocks` are compared with the address of the calling pod.",
        "For requests through a waypoint ztunnel compares them with the address of the waypoint's pod; without a "
        "waypoint the caller's address is kept. What a waypoint itself sees differs between proxies, so that no answer "
        "is given for `ipBlocks` there.",
        "A policy at the pod lists addresses, and the Service is bound to a waypoint.",
        "Say who may call by identity; where it must be an address, let callers dial the pods without a waypoint.",
        (_RBAC, _USE),
    ),
    Difference(
        "D04", "Waypoints read no policy by selector, namespace or mesh", _A, Direction.OPEN,
        "Every policy that selects the pod is enforced, its HTTP part included.",
        "A waypoint enforces what is attached to it or to its Services; the rest reaches ztunnel, which reads no HTTP.",
        "A policy without `targetRefs` looks at HTTP, and the Service gets a waypoint.",
        "Write a twin of the policy with `targetRefs` before the workload moves.",
        (_ATTACHMENT, _L7),
    ),
    Difference(
        "D05", "An ALLOW rule with a layer-7 field lets nobody in at ztunnel", _A, Direction.CLOSED,
        "The rule admits what it says.",
        "istiod leaves the whole rule out. The policy stays as one that admits nothing, not even the waypoint.",
        "An ALLOW policy without `targetRefs` has rules with methods, paths, hosts, headers, tokens and the like.",
        "Attach it to the Service with `targetRefs`; keep by selector only rules about identity, address and port.",
        (_CONVERSION, _L4),
    ),
    Difference(
        "D06", "A DENY rule with a clause of layer 7 alone denies nothing at ztunnel", _A, Direction.OPEN,
        "The rule refuses what it says; on a port without HTTP it refuses even more.",
        "The clause arrives empty, an empty clause matches nothing, and since clauses are ANDed the rule is void. The "
        "policy's status stays `ZtunnelAccepted=True`.",
        "A DENY policy without `targetRefs` in which `from`, `to` or a `when` holds only fields of HTTP.",
        "Attach it with `targetRefs` to every Service in front of the pods, and close the ways past the waypoint.",
        (_CONVERSION, _RBAC, "https://github.com/istio/istio/issues/61126"),
    ),
    Difference(
        "D07", "A DENY rule that mixes layers denies more at ztunnel", _A, Direction.CLOSED,
        "It refuses requests that meet both its HTTP fields and the others.",
        "The HTTP fields go, the others stay, and it refuses whatever meets those.",
        "Every clause of a DENY rule keeps a field of layer 4, e.g. `methods` beside `ports`.",
        "Attach it with `targetRefs`; do not leave it on a selector.",
        (_CONVERSION, _L4),
    ),
    Difference(
        "D08", "CUSTOM and AUDIT never reach ztunnel", _A, Direction.OPEN,
        "The sidecar asks the external authorizer; AUDIT marks the request.",
        "istiod does not send the policy, and nobody asks. Its status says `ZtunnelAccepted=False`.",
        "A CUSTOM or AUDIT policy by selector, and no waypoint that has it by `targetRefs`.",
        "Bind the Service to a waypoint and attach the policy to the Service.",
        (_CONVERSION, _L7),
    ),
    Difference(
        "D09", "Ztunnel does not know trust domains", _A, Direction.BOTH,
        "`trustDomains` in a source must match the peer's certificate.",
        "The field is not sent, and no status says so. Beside another field an ALLOW widens and so does a DENY; alone "
        "an ALLOW admits nobody, and a DENY refuses nobody.",
        "A rule uses `trustDomains` or `notTrustDomains`.",
        "Name principals with their trust domain, or attach the policy to a waypoint.",
        (_CONVERSION, _POLICY),
        since="1.31",
    ),
    Difference(
        "D10", "Ztunnel does not expand aliases of the trust domain", _A, Direction.BOTH,
        "A principal written with one of the mesh's trust domains matches peers of all of them.",
        "It matches as it is written. An ALLOW by the old domain admits nobody; a DENY by it refuses nobody.",
        "`trustDomainAliases` is set, and policies still name the old trust domain.",
        "Write principals with the present trust domain, or list both.",
        (_RBAC, "istio/istio: pilot/pkg/security/trustdomain/bundle.go"),
    ),
    Difference(
        "D11", "A star within a namespace is a star at sidecars alone", _A, Direction.BOTH,
        "`namespaces` is a regular expression in which each star stands for anything, beyond the namespace too: `*a*` "
        "matches wherever an `a` follows in the principal.",
        "Ztunnel knows a star at either end; one in between is the character itself.",
        "A namespace pattern has a star that is neither its first nor its last character.",
        "List the namespaces, or use one prefix or suffix for each.",
        (_RBAC, "istio/istio: pilot/pkg/security/authz/matcher"),
    ),
    Difference(
        "D12", "Conditions on connections that only sidecars can judge", _A, Direction.BOTH,
        "`when` on `source.serviceAccount`, `remote.ip`, `connection.sni` or `source.trustDomain` holds on any port.",
        "istiod counts them as layer 7: an ALLOW rule goes (D05), a DENY rule is void (D06).",
        "A rule without `targetRefs` has such a `when`.",
        "Use the source's own fields (`serviceAccounts`, `principals`, `ipBlocks`), which are sent.",
        (_CONVERSION,),
    ),
    Difference(
        "D13", "Dry runs are not sent to ztunnel", _A, Direction.OBSERVED,
        "The sidecar reports what a policy marked `istio.io/dry-run` would have done.",
        "Ztunnel does not get it, so nothing is reported. With the flag for it, a ztunnel before 1.29 enforces it.",
        'A policy has the annotation `istio.io/dry-run: "true"`.',
        "Do not read silence as approval: dry-run at a waypoint, or let `sidestep` judge recorded requests.",
        (_CONVERSION, f"{DOCS}tasks/security/authorization/authz-dry-run/"),
    ),
    Difference(
        "D14", "A condition with an unknown key", _A, Direction.OBSERVED,
        "The sidecar leaves the rule out, of DENY policies too.",
        "Ztunnel drops it from an ALLOW and voids it in a DENY: the same comes out.",
        "`when.key` is misspelt; Istio's webhook usually refuses it.",
        "Correct the key. Nobody enforces that rule today.",
        (_CONVERSION, "istio/istio: pilot/pkg/security/authz/model"),
        decidable=False,
        undecidable="what comes of a request is the same; only statuses and logs differ",
    ),
    Difference(
        "D15", "A refusal is a closed connection, not a 403", _A, Direction.OBSERVED,
        "HTTP callers get status 403 with `RBAC: access denied`; gRPC callers PERMISSION_DENIED.",
        "Ztunnel refuses the connection: callers see a reset or the end of the stream, gRPC callers UNAVAILABLE, and "
        "behind a waypoint 503. Clients that retry failed connections now retry refusals.",
        "Any refusal by ztunnel of what a sidecar refused over HTTP.",
        "Look for alerts and retries that tell 403 from failures; use a waypoint where callers need the status.",
        (_RBAC, _L4),
    ),
    Difference(
        "D16", "Changed policies close open connections, new ones may not", _A, Direction.OBSERVED,
        "A sidecar does not judge open TCP connections again. It closes all of a changed port when what was there has "
        "drained (45 s by default), whatever the policy says. HTTP is judged request by request.",
        "Ztunnel judges open connections again when a selector policy changes or a namespace gets its first, and "
        "closes them. It does not for a new selector policy or a new mesh-wide STRICT: what is open stays open.",
        "A policy is changed or added while connections are open.",
        "After tightening, restart the callers or the pods so that old connections end.",
        (_RBAC, "istio/ztunnel: src/state/policy.rs"),
        decidable=False,
        undecidable="it is about connections that were opened before a change, and a decision is about a new request",
    ),
    Difference(
        "D17", "A waypoint that is not there is passed by", _A, Direction.OPEN,
        "The sidecar is part of the pod: no pod is served without it.",
        "Until its Gateway has an address, or if the label names nothing, is not admitted by the listener, or asks for "
        "another type of traffic, requests go straight to the pod, and attached policies are not asked.",
        "`istio.io/use-waypoint` does not resolve: condition `WaypointBound` is absent or False on the Service.",
        "Wait for the condition before the workload moves, and admit only the waypoint at the pod.",
        ("istio/istio: pilot/pkg/serviceregistry/ambient/waypoints.go", _USE),
    ),
    Difference(
        "D18", "What dials a pod's address passes the Service's waypoint by", _A, Direction.OPEN,
        "The pod's sidecar judges whatever address was dialled.",
        "Policies attached to a Service count for its virtual address. Pod addresses, headless names, the names of a "
        "StatefulSet's pods, and ports that the Service does not declare lead past them.",
        "Clients, ingress controllers or databases dial pods; the Service is headless.",
        "Admit only the waypoint at the pod; where pods must be dialled, use `istio.io/waypoint-for: workload` or "
        "`all`, and policies attached to the Gateway.",
        (_ATTACHMENT, _USE),
    ),
    Difference(
        "D19", "Another Service in front of the same pods is another door", _A, Direction.OPEN,
        "One policy by selector guards the pods under every name.",
        "A policy attached to a Service guards that Service; a second Service in front of the pods leads past it. And "
        "one Service in front of several workloads cannot tell their policies apart.",
        "Several Services select the same pods: canary, headless, monitoring names.",
        "Attach the policy to every Service in front of the pods and bind them all.",
        (_ATTACHMENT,),
    ),
    Difference(
        "D20", "Policies for some of a Service's pods cannot be said", _A, Direction.INEXPRESSIBLE,
        "A selector may name labels that only some pods of a Service have, such as a version.",
        "`targetRefs` name a Service: its policy holds for all pods behind it.",
        "A policy's selector has a label that the Service's selector lacks, and the Service's pods differ in it.",
        "Give those pods a Service of their own and route to it, or keep their sidecars.",
        (_ATTACHMENT, _POLICY),
    ),
    Difference(
        "D21", "Policies on hosts follow the dialled address", _A, Direction.ROUTE,
        "The client's sidecar routes by the Host header, so the policies of the named service judge the request.",
        "The waypoint judges by the Service whose address was dialled; `hosts` is still compared with the Host header "
        "as sent. Where both name the same Service nothing changes.",
        "A client dials one Service and names another in Host.",
        "Dial what is named; attach policies on `hosts` to every Service that such clients dial.",
        (_WAYPOINT, _POLICY),
    ),
    Difference(
        "D22", "A mesh-wide policy by labels has no counterpart", _A, Direction.INEXPRESSIBLE,
        "A policy with a selector in the root namespace guards such pods in every namespace.",
        "Of the mesh-wide attachments only the GatewayClass is left, which has no selector: it holds at all waypoints.",
        "A policy of layer 7 in the root namespace has a selector.",
        "Write one attached policy for each Service concerned.",
        (_ATTACHMENT,),
        since="1.25",
    ),
    Difference(
        "D23", "The automatic policy for waypoints shuts others out", _A, Direction.CLOSED,
        "Without policies everybody is admitted.",
        "With `PILOT_AUTO_ALLOW_WAYPOINT_POLICY` istiod adds an ALLOW for the waypoint to each bound workload. It "
        "being an ALLOW, whoever comes directly is refused: sidecars, gateways, metric scrapers.",
        "istiod runs with the flag, and the pods or a Service of theirs are bound.",
        "Leave the flag off until all callers pass waypoints, or add ALLOW policies for the others.",
        ("istio/istio: pilot/pkg/serviceregistry/ambient/policies.go",),
    ),
    Difference(
        "D24", "Layered policies are judged on the waypoint's labels", _A, Direction.BOTH,
        "A selector is compared with the labels of the called pod.",
        "With `ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES` policies without `targetRefs` are judged before the "
        "waypoint too, as layer 4, on the labels and in the namespace of the waypoint's pods.",
        "istiod runs with the flag.",
        "Check namespace-wide policies of the waypoint's namespace against all that it serves.",
        (_WAYPOINT, "istio/istio: pilot/pkg/networking/plugin/authz/authorization.go"),
        since="1.25",
    ),
    Difference(
        "D25", "Two authorizers on one waypoint refuse everything", _A, Direction.CLOSED,
        "Each workload has its own authorizer.",
        "CUSTOM policies attached to the Gateway meet in one chain. With two providers whatever matches is refused.",
        "Policies of several workloads with different `provider` are attached to one waypoint's Gateway.",
        "Attach CUSTOM policies to Services, whose chains are separate.",
        ("istio/istio: pilot/pkg/security/authz/builder/extauthz.go", _POLICY),
    ),
)  # fmt: skip
