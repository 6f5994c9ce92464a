"""Differences in routing and traffic (D38 to D63)."""

from sidestep.semantics.differences.difference import DOCS, Area, Difference, Direction

_C = Area.TRAFFIC
_ROUTES = "istio/istio: pilot/pkg/networking/core/route/route.go"
_WAYPOINT = "istio/istio: pilot/pkg/networking/core/listener_waypoint.go"
_CONVERT = "istio/istio: pilot/pkg/config/kube/gateway/conversion.go"
_GATEWAY_API = "https://gateway-api.sigs.k8s.io/reference/spec/"
_L7 = f"{DOCS}ambient/usage/l7-features/"
_USE = f"{DOCS}ambient/usage/waypoint/"
_DATA_PLANE = f"{DOCS}ambient/architecture/data-plane/"
_ENROLMENT = f"{DOCS}ambient/architecture/traffic-redirection/"
_VS = f"{DOCS}reference/config/networking/virtual-service/"
_SIDECAR = f"{DOCS}reference/config/networking/sidecar/"

TRAFFIC: tuple[Difference, ...] = (
    Difference(
        "D38", "Routes of the client's namespace are not taken", _C, Direction.ROUTE,
        "A client's sidecar reads VirtualServices and DestinationRules of its own namespace.",
        "Ztunnel reads none, and a waypoint only those of the Service's or its own namespace.",
        "A VirtualService for a service of another namespace.",
        "Move it to the Service's namespace, where it holds for all clients, or keep those clients' sidecars.",
        (_WAYPOINT, _L7),
    ),
    Difference(
        "D39", "Not the Host header but the dialled address decides", _C, Direction.ROUTE,
        "On a port with HTTP the sidecar finds the service by the Host header, whatever address was dialled.",
        "Ztunnel and the waypoint go by address and port, and the header changes nothing.",
        "Clients dial one address and name another host: proxies, tests, old DNS entries.",
        "Dial what is named.",
        (_ROUTES, _WAYPOINT),
    ),
    Difference(
        "D40", "Several VirtualServices of one host are merged", _C, Direction.ROUTE,
        "The first counts: private ones of the client's namespace, then exported ones, the oldest first.",
        "A waypoint has the rules of all of them one behind the other since 1.30; before, of the first.",
        "More than one VirtualService names the same host.",
        "Write one for each host before moving.",
        (_WAYPOINT, "https://github.com/istio/istio/pull/59483"),
        since="1.30",
    ),
    Difference(
        "D41", "A prefix of a path means another thing in an HTTPRoute", _C, Direction.ROUTE,
        "`prefix: /foo` of a VirtualService matches any path that begins with these characters, `/foobar` too.",
        "`PathPrefix: /foo` of an HTTPRoute matches whole elements: `/foo` and `/foo/…`. Case cannot be ignored.",
        "A VirtualService with a prefix that does not end in `/` is rewritten as HTTPRoute.",
        "Use both an Exact and a PathPrefix where whole elements are meant, or a regular expression where not.",
        (_CONVERT, _GATEWAY_API),
    ),
    Difference(
        "D42", "Rules are not taken in the order in which they are written", _C, Direction.ROUTE,
        "The first rule of a VirtualService that matches is taken.",
        "Rules of HTTPRoutes are sorted: exact paths, then prefixes, then regular expressions, then longer paths, "
        "methods, numbers of headers and parameters, and only then as written.",
        "A VirtualService whose earlier rule is the less specific one is rewritten as HTTPRoute.",
        "Rewrite the matches so that order no longer counts; write a catch-all as regular expression if others are.",
        (_CONVERT, _GATEWAY_API),
    ),
    Difference(
        "D43", "Failed requests are not tried again", _C, Direction.ROUTE,
        "The client's sidecar tries twice more on failed connections and the like, unless told otherwise.",
        "Ztunnel tries nothing again. A waypoint does, by its own default up to 1.30 and by the mesh's from 1.31.",
        "Any HTTP request.",
        "Bind services whose callers do not retry themselves to a waypoint.",
        ("istio/istio: pilot/pkg/networking/core/route/retry/retry.go", "https://github.com/istio/istio/pull/60682"),
    ),
    Difference(
        "D44", "Settings of connections are no longer the client's", _C, Direction.ROUTE,
        "DestinationRules give each client load balancing, ejection of failing pods, limits, subsets and TLS.",
        "Ztunnel balances connections, by locality at most. A waypoint reads the DestinationRules of its own and the "
        "Service's namespace, and counts limits over all clients.",
        "A DestinationRule has a traffic policy or subsets.",
        "Bind the Service to a waypoint, move the rule to its namespace, and size limits for all clients together.",
        (_WAYPOINT, f"{DOCS}reference/config/networking/destination-rule/"),
    ),
    Difference(
        "D45", "An annotation takes pods out of enforcement", _C, Direction.OPEN,
        "`ambient.istio.io/bypass-inbound-capture` means nothing to a sidecar.",
        "Plaintext to these pods is not redirected: ztunnel asks neither for mTLS nor for policies. HBONE it judges.",
        "Pods have the annotation with value `true`.",
        "Remove it unless the pods need no protection.",
        (f"{DOCS}reference/config/annotations/", "istio/istio: cni/pkg/iptables/iptables.go"),
    ),
    Difference(
        "D46", "Unknown hosts can be reached", _C, Direction.OPEN,
        "With `outboundTrafficPolicy: REGISTRY_ONLY`, mesh-wide or in a Sidecar, unknown hosts are refused.",
        "Ztunnel passes on whatever it does not know.",
        "REGISTRY_ONLY, or a Sidecar with a narrow `egress`.",
        "Refuse egress by NetworkPolicy, and admit hosts through an egress waypoint.",
        (_DATA_PLANE, _SIDECAR),
    ),
    Difference(
        "D47", "Listeners of a Sidecar are gone", _C, Direction.CLOSED,
        "`ingress` of a Sidecar takes a port and hands it to `127.0.0.1` or a Unix socket.",
        "Ztunnel connects to the pod's address and port; an application that listens elsewhere is not reached.",
        "A Sidecar has `ingress` with a `defaultEndpoint`.",
        "Let the application listen on the pod's address and the Service's target port.",
        (_SIDECAR,),
        decidable=False,
        undecidable="on which address an application listens stands in no object",
    ),
    Difference(
        "D48", "What is not exported can be dialled", _C, Direction.OPEN,
        "`exportTo` hides a Service or ServiceEntry: other namespaces' sidecars send it plaintext or nothing.",
        "Ztunnel resolves any Service, whatever it is exported to.",
        "`networking.istio.io/exportTo` or a ServiceEntry's `exportTo` is narrower than the mesh.",
        "Guard it by AuthorizationPolicy; since 1.31 `serviceEntryVisibility` hides ServiceEntries.",
        ("istio/istio: pilot/pkg/serviceregistry/ambient/services.go", f"{DOCS}reference/config/annotations/"),
    ),
    Difference(
        "D49", "Routes by the client's labels or namespace are not taken", _C, Direction.ROUTE,
        "`sourceLabels` and `sourceNamespace` of a VirtualService tell clients apart.",
        "At a waypoint a match on labels is never met, and the namespace is the waypoint's.",
        "A VirtualService has such a match.",
        "Send different clients to different Services, or tell them apart by a header.",
        (_WAYPOINT, _VS),
        since="1.25",
    ),
    Difference(
        "D50", "A route may be taken twice", _C, Direction.ROUTE,
        "The ingress gateway takes the VirtualService's route, and the sidecar of the server none.",
        "With `istio.io/ingress-use-waypoint` the gateway and the waypoint both take it: rewrites, faults, mirrors and "
        "retries happen twice.",
        "A VirtualService names a gateway and `mesh`, and the Service sends its ingress through the waypoint.",
        "Split it into one for the gateway and one for the mesh.",
        (_WAYPOINT, _USE),
    ),
    Difference(
        "D51", "Sidecars pass the waypoint by", _C, Direction.OPEN,
        "The server's sidecar judges what the client's sends.",
        "Clients that still have a sidecar send to the pod directly: policies attached to the Service are not asked.",
        "Some callers of a bound Service still have sidecars.",
        "Move callers first, or admit only the waypoint at the pod once they have moved.",
        (_USE, _DATA_PLANE),
    ),
    Difference(
        "D52", "Ingress gateways pass the waypoint by", _C, Direction.OPEN,
        "The server's sidecar judges what a gateway sends.",
        "Gateways send to the pod directly unless the Service or its namespace says `istio.io/ingress-use-waypoint`.",
        "A bound Service is reached through a gateway.",
        "Set the label (1.24), or judge at the gateway.",
        (_USE, "istio/istio: pilot/pkg/features/ambient.go"),
    ),
    Difference(
        "D53", "Subsets want Services of their own", _C, Direction.ROUTE,
        "A route names a subset, and a DestinationRule says which labels it has.",
        "HTTPRoutes know no subsets: each version needs a Service. Keeping VirtualService and DestinationRule at a "
        "waypoint works, and is not supported.",
        "A VirtualService routes to a `subset`.",
        "Create a Service for each version, and route to those.",
        (_CONVERT, f"{DOCS}ambient/migrate/"),
    ),
    Difference(
        "D54", "Where a waypoint routes to, no other waypoint judges", _C, Direction.OPEN,
        "The sidecar of whatever pod gets the request judges it.",
        "A waypoint that routes to another Service sends to its pods: that Service's waypoint and attached policies "
        "are not asked.",
        "A route has a destination that is bound by itself.",
        "Attach the policy to the routed Service too, or admit only its own waypoint at those pods.",
        (_WAYPOINT,),
    ),
    Difference(
        "D55", "Who speaks first meets other proxies", _C, Direction.BOTH,
        "Sidecars on both ends look at the first bytes of undeclared ports, and a server that speaks first hangs.",
        "Ztunnel looks at nothing. A waypoint looks at undeclared ports, and at every port as soon as it serves a pod "
        "by its own address: then declared ports hang too.",
        "Protocols in which the server speaks first (MySQL, SMTP, FTP).",
        "Declare the protocol, and do not bind pods to a waypoint that also serves such Services.",
        (_WAYPOINT, f"{DOCS}ops/configuration/traffic-management/protocol-selection/"),
    ),
    Difference(
        "D56", "The application gets requests as the client wrote them", _C, Direction.OBSERVED,
        "Two sidecars read every request: paths are normalised, header names lowered, `x-request-id`, `x-envoy-…`, "
        "`x-forwarded-proto` and `server` added, HTTP/1.0 and large headers refused.",
        "Ztunnel copies bytes: `//` and `..` reach the application, and the added headers do not.",
        "HTTP applications without a waypoint.",
        "Let the application normalise paths before it decides by them; look for uses of the added headers.",
        (f"{DOCS}reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization", _DATA_PLANE),
    ),
    Difference(
        "D57", "Filters for sidecars are gone", _C, Direction.BOTH,
        "EnvoyFilter and WasmPlugin with a selector change what the sidecar does: limits, Lua, checks.",
        "Neither ztunnel nor waypoints read those with a selector.",
        "An EnvoyFilter, WasmPlugin or TrafficExtension selects the workload.",
        "Attach WasmPlugins to a waypoint with `targetRefs`; otherwise keep the sidecar.",
        (_L7, f"{DOCS}reference/config/proxy_extensions/wasm-plugin/"),
        decidable=False,
        undecidable="what a filter or module does to a request stands in code that is not part of the mesh's objects",
    ),
    Difference(
        "D58", "A missing backend has another status", _C, Direction.OBSERVED,
        "A VirtualService's route to a Service that does not exist gives 503.",
        "An HTTPRoute's gives 500; one without backends 404 up to 1.30, and 500 from 1.31.",
        "A route names a Service that is gone.",
        "Correct the route; look for alerts by status.",
        (_CONVERT, _GATEWAY_API),
    ),
    Difference(
        "D59", "ExternalName Services have no routes", _C, Direction.ROUTE,
        "A sidecar has a cluster for the name, and VirtualServices may route it.",
        "Ambient does not know ExternalName: DNS leads to what the name stands for, and routes are not taken.",
        "A VirtualService or DestinationRule is about a Service of type ExternalName.",
        "Write a ServiceEntry instead, bound to a waypoint if it has routes.",
        ("istio/istio: pilot/pkg/serviceregistry/ambient/services.go",),
    ),
    Difference(
        "D60", "NodePorts and load balancers lead past the waypoint", _C, Direction.OPEN,
        "The sidecar judges the HTTP of what comes by NodePort, LoadBalancer or `externalIPs`.",
        "kube-proxy sends it to a pod as plaintext, and never to the waypoint: only ztunnel judges.",
        "A bound Service is of type NodePort or LoadBalancer, or has `externalIPs`.",
        "Put a gateway with `istio.io/ingress-use-waypoint` before it, and set STRICT or admit only the waypoint.",
        (_DATA_PLANE, _USE),
    ),
    Difference(
        "D61", "Init containers are in the mesh", _C, Direction.BOTH,
        "Init containers run before the sidecar: past the mesh, or without network.",
        "Ztunnel captures the pod's network from its start: they need no sidecar, and policies hold for them.",
        "Init containers call others or are called.",
        "Check that those whom they call admit the pod's identity.",
        (_ENROLMENT,),
        decidable=False,
        undecidable="a request does not say at which stage of its pod's start it was sent",
    ),
    Difference(
        "D62", "Between clusters and networks another gateway is needed", _C, Direction.CLOSED,
        "East-west gateways pass mTLS on by its server name, on port 15443.",
        "Ambient needs gateways that speak HBONE within HBONE on 15008, and Services labelled `istio.io/global`.",
        "Services have pods in several networks.",
        "Build the ambient gateways before anything moves, or keep those workloads' sidecars.",
        (f"{DOCS}ambient/install/multicluster/",),
        decidable=False,
        undecidable="a mesh is read from one cluster, and what stands beyond its gateways is not in it",
    ),
    Difference(
        "D63", "Behind a written address ztunnel knows nobody", _C, Direction.BOTH,
        "istiod looks up which pod of the slice's namespace has the address: sidecars send mTLS, and know who calls.",
        "Ztunnel takes the address for a machine outside of the mesh, unless the slice names the pod: it sends "
        "plaintext. STRICT refuses that, and policies find no principal.",
        "A Service without selector, and an EndpointSlice or Endpoints with the address of a pod of its namespace and "
        "no `targetRef`; or a ServiceEntry of resolution STATIC with the address of a pod among its `endpoints`.",
        "Name the pod in the endpoint's `targetRef`, with its uid, or give the Service a selector, the entry a "
        "`workloadSelector`.",
        (
            "istio/istio: pilot/pkg/serviceregistry/kube/controller/endpointslice.go",
            "istio/istio: pilot/pkg/serviceregistry/ambient/workloads.go",
        ),
    ),
)  # fmt: skip
