"""Words that stay readable where names are hashed: what Kubernetes, Istio and the clouds call things."""

import re

KNOWN_DOMAINS = (
    "istio.io", "kubernetes.io", "k8s.io", "x-k8s.io", "sidestep.dev", "karpenter.sh", "eksctl.io", "argoproj.io",
    "eks.amazonaws.com", "k8s.aws", "cloud.google.com", "kubernetes.azure.com", "openshift.io", "prometheus.io",
    "projectcalico.org", "cilium.io", "helm.sh", "googleapis.com/envoy",
)  # fmt: skip
"""Domains of label keys, API groups and controllers."""

WORDS = frozenset({
    "true", "false", "enabled", "disabled", "none", "any", "all", "auto", "ambient", "default", "istio", "ns", "sa",
    "svc", "cluster", "local", "mesh", "http", "https", "http2", "grpc", "grpc-web", "tcp", "udp", "tls", "mongo",
    "mysql", "redis", "metrics", "health", "status", "web", "http-envoy-prom", "http-monitoring", "status-port",
    "https-dns", "grpc-xds", "https-webhook", "service", "workload", "kube-system", "kube-public",
    "kube-node-lease", "istio-system", "istio-cni", "ztunnel", "istiod", "pilot", "istio-cni-node", "istio-ingress",
    "istio-egress", "istio-ingressgateway", "istio-egressgateway", "istio-proxy", "istio-init", "istio-validation",
    "install-cni", "discovery", "istio-waypoint", "istio-agentgateway-waypoint", "istio-remote", "istio-east-west",
    "kube-dns", "kubernetes", "coredns", "kube-root-ca.crt", "cilium-config", "calico-config",
    "istio.io-mesh-controller", "istio.io-agentgateway-mesh-controller", "sidecar", "router", "waypoint", "gateway",
    "grpc-agent", "grpc-simple", "proxy", "REDIRECT", "TPROXY", "NONE", "Kubernetes", "Hostname", "IPAddress",
    "aws", "gce", "azure", "subscriptions", "resourceGroups", "providers", "Microsoft.Compute",
    "virtualMachineScaleSets", "virtualMachines", "system-cluster-critical", "system-node-critical",
})  # fmt: skip
"""Names with a meaning of their own."""

MEANING_LABELS = frozenset({
    "istio-injection", "istio.io/rev", "istio.io/tag", "istio.io/dataplane-mode", "istio.io/waypoint-for",
    "gateway.istio.io/managed", "sidecar.istio.io/inject", "networking.istio.io/tunnel",
    "security.istio.io/tlsMode", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
    "topology.istio.io/subzone", "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch", "karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType",
    "node.kubernetes.io/lifecycle", "cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible",
    "kubernetes.azure.com/scalesetpriority", "pod-security.kubernetes.io/enforce",
})  # fmt: skip
"""Labels whose values say something about a mesh, a node's price or its place."""

MEANING_FIELDS = frozenset({
    "apiVersion", "apiGroup", "group", "kind", "operator", "mode", "type", "protocol", "action", "effect", "phase",
    "policyTypes", "restartPolicy", "methods", "method", "notMethods", "updateMode", "whenUnsatisfiable",
    "failurePolicy", "creationTimestamp", "deletionTimestamp", "startTime", "finishedAt", "reason",
    "resourceVersion", "from", "sideEffects", "matchPolicy", "admissionReviewVersions", "apiGroups", "apiVersions",
    "operations", "resources", "scope", "controllerName", "gatewayClassName", "schedule", "interceptionMode",
    "defaultMode", "kubeletVersion", "kernelVersion", "osImage", "status", "appProtocol", "applyTo", "context",
    "typed_config", "@type", "concurrencyPolicy", "clusterIPs", "sessionAffinity", "internalTrafficPolicy",
    "externalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "addressType", "imagePullPolicy", "dnsPolicy",
    "schedulerName", "terminationMessagePath", "terminationMessagePolicy", "maxUnavailable", "minAvailable",
    "maxSurge",
})  # fmt: skip
"""Fields whose values are the API's own words."""

NAME_FIELDS = frozenset({
    "name", "names", "namespace", "namespaces", "notNamespaces", "generateName", "nodeName", "serviceAccountName",
    "serviceAccount", "host", "hosts", "notHosts", "hostname", "hostnames", "exportTo", "gateways", "subset", "uid",
    "secretName", "credentialName", "claimName", "subdomain", "externalName", "issuer", "issuers", "jwksUri",
    "audiences", "principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals", "providerID",
    "serviceAccounts", "notServiceAccounts", "sniHosts", "egressHosts", "sectionName", "network", "locality",
    "trustDomain", "trustDomainAliases", "clusterName", "priorityClassName", "url", "uri_host", "provider",
    "domain", "domains", "service", "imagePullSecrets", "subjectAltNames", "sni", "address", "addresses",
    "authority", "zone", "zones",
})  # fmt: skip
"""Fields that hold names or hosts, whether or not they name something that was read."""

PROXY_IMAGE = re.compile(r"(?:.*/)?((?:proxyv2|pilot|ztunnel|install-cni|agentgateway)(?:[:@].*)?)")


_OF_ISTIO = re.compile(
    r"istio-sidecar-injector(-[\w.-]+)?|istio-revision-tag-[\w.-]+|[\w.-]+\.sidecar-injector\.istio\.io"
)


def is_vocabulary(name: str) -> bool:
    """Whether a name is one that Istio's own installer gave: it holds at most a revision, which stays anyway."""
    return _OF_ISTIO.fullmatch(name) is not None


def is_known_domain(text: str) -> bool:
    """Whether a prefix, group or host is one of those that everybody knows."""
    return any(text == domain or text.endswith(f".{domain}") for domain in KNOWN_DOMAINS)
