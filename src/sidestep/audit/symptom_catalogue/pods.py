"""Symptoms of pods and proxies."""

from sidestep.audit.symptom_catalogue import common
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom

_CNI_NOT_READY = Cause(
    "istio-cni is not ready on the node, and the pod's network cannot be made (in ambient this fails closed).",
    "kubectl get pods -A -l k8s-app=istio-cni-node -o wide; kubectl describe pod: FailedCreatePodSandBox",
    "repair istio-cni on that node; taint new nodes until it is ready (pilot.taint.enabled)",
)

SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "pod-stuck-in-init",
        "Pod stuck in Init",
        (
            "pod stuck in Init",
            "istio-init timeout",
            "Init:0/1",
            "Init:CrashLoopBackOff",
            "istio-validation fails",
            "FailedCreatePodSandBox",
            "pod stuck in ContainerCreating",
            "istio-init error",
        ),
        (
            _CNI_NOT_READY,
            Cause(
                "Cilium deletes istio-cni's configuration, or another setting of the CNI conflicts with it.",
                "ls /etc/cni/net.d on the node; kubectl -n kube-system get configmap cilium-config -o yaml",
                codes=("SID124",),
            ),
            Cause(
                "A script in an init container waits for the sidecar, which starts later or never.",
                "kubectl logs POD -c INIT-CONTAINER",
                codes=("SID220",),
            ),
            Cause(
                "istio-init may not change iptables: Pod Security, SELinux, or a kernel without the modules.",
                "kubectl logs POD -c istio-init",
            ),
            Cause(
                "The webhook of a revision fails or answers nobody, so that no pod starts (failurePolicy Fail).",
                "kubectl get events -A | grep -i webhook; kubectl -n istio-system get pods -l app=istiod",
                codes=("SID104",),
            ),
        ),
    ),
    Symptom(
        "no-chain-target-match",
        "No chain/target/match by that name",
        ("No chain/target/match by that name", "iptables-restore failed", "iptables: No chain/target/match"),
        (
            Cause(
                "A kernel module that iptables needs is not loaded on the node, or the image uses the other backend "
                "(legacy and nf_tables).",
                "lsmod on the node: xt_REDIRECT, xt_mark, ip6table_nat; logs of istio-cni",
                "load the modules, or use the nftables backend (global.nativeNftables)",
            ),
            Cause(
                "The CNI's eBPF data plane and istio-cni conflict.",
                "kubectl get felixconfigurations default -o yaml; cilium-config",
                codes=("SID124",),
            ),
            Cause(
                "IPv6 rules on a node without IPv6 tables.",
                "logs of istio-cni: ip6tables",
                "set cni.ambient.ipv6=false",
            ),
        ),
    ),
    Symptom(
        "probe-failed",
        "Liveness or readiness probe failed",
        ("Liveness probe failed", "Readiness probe failed", "Startup probe failed", "probes fail after migration"),
        (
            Cause(
                "A NetworkPolicy does not admit 169.254.7.127, from which probes arrive in ambient.",
                "kubectl get networkpolicies -A",
                "admit 169.254.7.127/32 (and its IPv6 twin)",
                codes=("SID123",),
            ),
            Cause(
                "A setting of the CNI loses the probe's answer (Cilium masquerading, Calico eBPF before 3.29).",
                "cilium-config enable-bpf-masquerade; FelixConfiguration bpfHostConntrackBypass",
                codes=("SID124",),
            ),
            Cause(
                "An exec probe calls the sidecar's ports.",
                "kubectl get deployments -A -o yaml | grep -n 150",
                codes=("SID220",),
            ),
            common.APPLICATION,
        ),
    ),
    Symptom(
        "proxy-oom-killed",
        "istio-proxy OOMKilled",
        (
            "OOMKilled istio-proxy",
            "istio-proxy OOM",
            "waypoint OOMKilled",
            "sidecar out of memory",
            "exit code 137 istio-proxy",
        ),
        (
            Cause(
                "The proxy holds the configuration of the whole mesh, about 5 KB for each Service.",
                "kubectl top pods --containers; istioctl proxy-config clusters POD | wc -l",
                "scope sidecars by a Sidecar resource; bind fewer Services to one waypoint",
                codes=("SID115", "SID117"),
            ),
            Cause(
                "The waypoint carries more than it was sized for: the sum of its clients' connections and buffers.",
                "kubectl top pods -l gateway.networking.k8s.io/gateway-name=NAME",
                "give it an autoscaler, more memory, or several waypoints",
                codes=("SID115", "SID121"),
            ),
            Cause(
                "An annotation removed the proxy's default requests and limits.",
                "kubectl get pod POD -o yaml: annotations sidecar.istio.io/proxy*",
                codes=("SID114",),
            ),
        ),
    ),
    Symptom(
        "proxy-stale",
        "istioctl proxy-status shows STALE",
        ("STALE", "proxy-status STALE", "NOT SENT", "proxy out of sync", "configuration not pushed"),
        (
            Cause(
                "The proxy is out of memory or CPU and does not acknowledge.",
                "kubectl top pods --containers; last state of the container",
                codes=("SID115", "SID117", "SID121"),
            ),
            Cause(
                "istiod is overloaded: every change costs it more, the more proxies and Services there are.",
                "pilot_proxy_convergence_time, pilot_xds_push_time, CPU of istiod",
                "more istiod replicas, discoverySelectors, Sidecar resources, fewer sidecars",
            ),
            Cause(
                "The proxy belongs to another revision than the istiod that was asked.",
                "istioctl proxy-status --revision REV",
                codes=("SID107", "SID104"),
            ),
            Cause(
                "A NetworkPolicy keeps the proxy from istiod's port 15012.",
                "kubectl exec of the proxy: connect to istiod.istio-system:15012",
            ),
        ),
    ),
    Symptom(
        "job-never-completes",
        "A Job never completes",
        ("job never completes", "job does not finish", "cronjob pod keeps running", "pod NotReady 1/2 completed"),
        (
            Cause(
                "A classic sidecar keeps running after the Job's own container has ended.",
                "kubectl get pods: 1/2 NotReady",
                codes=("SID108",),
            ),
            Cause(
                "The Job waits for the sidecar, or asks it to quit, and there is none any more.",
                "kubectl logs of the pod",
                codes=("SID220",),
            ),
        ),
    ),
    Symptom(
        "image-pull-auto",
        "ImagePullBackOff of image auto",
        ("ImagePullBackOff auto", "failed to pull image auto", "ErrImagePull istio-proxy"),
        (
            Cause(
                "The template brings its own container istio-proxy with image auto, and nothing injects it any more.",
                "kubectl get deployment NAME -o yaml | grep -A3 istio-proxy",
                codes=("SID109",),
            ),
            Cause(
                "A gateway of template `gateway` is made where the webhook is not asked.",
                "labels of its namespace: istio-injection, istio.io/rev",
                codes=("SID104",),
            ),
        ),
    ),
    Symptom(
        "not-in-mesh",
        "A pod is not in the mesh",
        (
            "pod not in mesh",
            "sidecar not injected",
            "no sidecar injected",
            "pod has no sidecar",
            "pod not captured",
            "not enrolled in ambient",
            "ambient redirection missing",
            "istio-proxy container missing",
        ),
        (
            Cause(
                "A label is missing, misspelt, on the wrong object, or an annotation where Istio reads labels.",
                "kubectl get namespace NAME --show-labels; kubectl get pod POD --show-labels",
                codes=("SID101", "SID102", "SID103", "SID104", "SID105", "SID213"),
            ),
            Cause(
                "The pod is older than the label or than istio-cni, and was not made anew.",
                "kubectl get pod POD -o jsonpath='{.status.startTime}'",
                codes=("SID106", "SID119", "SID120"),
            ),
            Cause(
                "It is on the host's network, or still carries a sidecar, which wins over ambient.",
                "kubectl get pod POD -o jsonpath='{.spec.hostNetwork}'",
                codes=("SID111", "SID118"),
            ),
        ),
    ),
)
