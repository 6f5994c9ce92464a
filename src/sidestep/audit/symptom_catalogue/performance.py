"""Symptoms of speed, of load, and of what one sees of traffic."""

from sidestep.audit.symptom_catalogue import common
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom

SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "no-traces",
        "No traces, or broken ones",
        ("no traces", "broken traces", "tracing gaps", "missing spans", "service graph incomplete", "trace incomplete"),
        (
            Cause(
                "Only ztunnel carries the traffic, and it makes no spans.",
                "is the Service bound to a waypoint: kubectl get service NAME --show-labels",
                codes=("SID218",),
            ),
            Cause(
                "Applications do not pass on traceparent, which no proxy can do for them.",
                "log the headers that arrive and leave",
                "propagate the context in the application; let it make its own spans",
            ),
            Cause(
                "Calls pass the waypoint by.",
                "ztunnel's log: dst.hbone_addr is the server's and not the waypoint's",
                codes=("SID214", "SID225", "SID226", "SID224"),
            ),
            Cause(
                "Telemetry by selector or namespace is not read by the waypoint that now makes the spans.",
                "kubectl get telemetries -A",
                "attach it by targetRefs",
            ),
            Cause(
                "The sampling rate is low, or the collector drops spans.", "randomSamplingPercentage; collector's log"
            ),
        ),
    ),
    Symptom(
        "no-metrics",
        "Dashboards are empty, istio_requests_total is gone",
        (
            "dashboards empty",
            "no metrics",
            "istio_requests_total missing",
            "metrics disappeared",
            "no data in grafana",
            "alerts silent",
            "kiali graph empty",
        ),
        (
            Cause(
                "ztunnel has TCP metrics only; HTTP metrics come from waypoints, with reporter=waypoint.",
                "count by (reporter) (istio_requests_total)",
                'ask for reporter=~"destination|waypoint", and for istio_tcp_* where there is no waypoint',
            ),
            Cause(
                "Prometheus scrapes in plain text, and STRICT refuses it.",
                "targets of Prometheus that are down",
                codes=("SID205", "SID222", "SID233"),
            ),
            Cause(
                "An autoscaler, rollout tool or alert asks for the container istio-proxy of the pods.",
                "grep dashboards, PrometheusRules and ScaledObjects for istio-proxy and reporter=",
            ),
        ),
    ),
    Symptom(
        "latency-high",
        "p99 latency is high",
        ("p99 latency high", "latency increased", "slow responses", "high tail latency", "p99 above", "requests slow"),
        (
            Cause(
                "The waypoint is short of CPU: it carries what all its clients' sidecars did.",
                "kubectl top pods -l gateway.networking.k8s.io/gateway-name=NAME; throttling",
                codes=("SID121", "SID117"),
            ),
            Cause(
                "Both hops to and from the waypoint cross zones: no replica in the client's zone.",
                "kubectl get pods -o wide of the waypoint, against zones of the nodes",
                "a ready replica in each zone; trafficDistribution on the Service",
                codes=("SID121", "SID201"),
            ),
            Cause(
                "Requests pass a sidecar and a waypoint, or are retried by both.",
                "is the server still injected while its Service is bound",
                codes=("SID118", "SID228"),
            ),
            Cause(
                "The waypoint guesses the protocol of the port.",
                "kubectl get service NAME -o yaml: appProtocol",
                codes=("SID219",),
            ),
            Cause(
                "ztunnel on the node is short of CPU.",
                "kubectl -n istio-system top pods -l app=ztunnel",
                "raise its requests; the busiest nodes tell how far",
            ),
        ),
    ),
    Symptom(
        "ztunnel-cpu-high",
        "ztunnel uses much CPU",
        ("ztunnel CPU high", "ztunnel CPU 80%", "ztunnel throttled", "ztunnel slow"),
        (
            Cause(
                "It encrypts all bytes of the node's pods: a few pods with much traffic share one node.",
                "bytes per node: istio_tcp_sent_bytes_total; spread them",
                "remove CPU limits, raise requests, spread heavy pods",
            ),
            Cause(
                "Many short connections: each costs a handshake.",
                "rate(istio_tcp_connections_opened_total[5m])",
                "keep connections open in the applications",
            ),
            Cause(
                "The access log of every connection.",
                "lines per second of ztunnel's log",
                "RUST_LOG=info,access=off for a test",
            ),
        ),
    ),
    Symptom(
        "load-skew",
        "Load is uneven, gRPC goes to one pod",
        (
            "load skew",
            "grpc load skew",
            "http2 load imbalance",
            "uneven load",
            "all requests go to one pod",
            "grpc not balanced",
            "new replicas idle",
        ),
        (
            Cause(
                "Without a waypoint ztunnel balances connections and not requests: one HTTP/2 connection, one pod.",
                "does the client hold few long connections; is the Service bound to a waypoint",
                "bind the gRPC Service to a waypoint, or balance in the client",
            ),
            Cause(
                "New replicas of a waypoint stay idle until clients' ztunnels open new connections.",
                "envoy_http_downstream_cx_active by pod of the waypoint",
                "scale before the load comes; wait for connections to churn",
            ),
            common.HEADLESS,
            Cause(
                "Traffic is kept in the zone (PreferClose), whatever the replicas there can bear.",
                "kubectl get service NAME -o yaml: trafficDistribution; replicas by zone",
                codes=("SID201", "SID121"),
            ),
            Cause(
                "A DestinationRule's load balancing or consistent hash is not applied by ztunnel.",
                "kubectl get destinationrules -A",
                "bind the Service to a waypoint, with the rule in its namespace",
            ),
        ),
    ),
    Symptom(
        "requests-doubled",
        "Requests arrive twice",
        ("requests doubled", "duplicate requests", "mirrored twice", "retries multiplied", "retry storm"),
        (
            Cause(
                "Gateway and waypoint apply the same VirtualService.",
                "kubectl get virtualservices -A -o json: spec.gateways with mesh and others",
                codes=("SID228",),
            ),
            Cause(
                "Sidecar and waypoint both act while a namespace is half moved.",
                "pods with two containers behind a Service that is bound",
                codes=("SID118",),
            ),
            Cause(
                "The waypoint retries by default, and so do the application and the gateway.",
                "istioctl proxy-config routes deployment/WAYPOINT -o json | grep -A5 retryPolicy",
                "retry in one place",
            ),
        ),
    ),
)
