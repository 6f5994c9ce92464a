"""Helm values that are set today and would be lost with a new set of values: read back from what they made.

Two places tell: the values that the injector was given (ConfigMap `istio-sidecar-injector`, key `values`), and the
istiod Deployment. Only what differs from the charts' defaults is kept, so that defaults go on being the charts'.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.plan.install.current import Current, Istiod
from sidestep.plan.install.trees import inner, pod_spec
from sidestep.plan.install.values import Setting

_DEFAULTS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("global", "istioNamespace"), "istio-system"),
    (("global", "imagePullSecrets"), []),
    (("global", "imagePullPolicy"), ""),
    (("global", "priorityClassName"), ""),
    (("global", "logAsJson"), False),
    (("global", "pilotCertProvider"), "istiod"),
    (("global", "caAddress"), ""),
    (("global", "caName"), ""),
    (("global", "meshID"), ""),
    (("global", "meshNetworks"), {}),
    (("global", "multiCluster", "clusterName"), ""),
    (("global", "network"), ""),
    (("global", "externalIstiod"), False),
    (("global", "remotePilotAddress"), ""),
    (("global", "configCluster"), False),
    (("global", "sds", "token", "aud"), "istio-ca"),
    (("global", "proxy", "autoInject"), "enabled"),
    (("global", "proxy", "clusterDomain"), "cluster.local"),
    (("global", "proxy", "componentLogLevel"), "misc:error"),
    (("global", "proxy", "excludeIPRanges"), ""),
    (("global", "proxy", "excludeInboundPorts"), ""),
    (("global", "proxy", "excludeOutboundPorts"), ""),
    (("global", "proxy", "includeIPRanges"), "*"),
    (("global", "proxy", "includeInboundPorts"), "*"),
    (("global", "proxy", "includeOutboundPorts"), ""),
    (("global", "proxy", "lifecycle"), None),
    (("global", "proxy", "logLevel"), "warning"),
    (("global", "proxy", "privileged"), False),
    (("global", "proxy", "resources"), {"requests": {"cpu": "100m", "memory": "128Mi"},
                                        "limits": {"cpu": "2000m", "memory": "1024Mi"}}),
    (("global", "proxy", "seccompProfile"), {}),
    (("global", "proxy", "tracer"), "none"),
    (("sidecarInjectorWebhook", "alwaysInjectSelector"), []),
    (("sidecarInjectorWebhook", "neverInjectSelector"), []),
    (("sidecarInjectorWebhook", "defaultTemplates"), []),
    (("sidecarInjectorWebhook", "enableNamespacesByDefault"), False),
    (("sidecarInjectorWebhook", "injectedAnnotations"), {}),
    (("sidecarInjectorWebhook", "reinvocationPolicy"), "Never"),
    (("sidecarInjectorWebhook", "rewriteAppHTTPProbe"), True),
    (("sidecarInjectorWebhook", "templates"), {}),
)  # fmt: skip
"""Values that the injector keeps, with the charts' defaults (`manifests/charts/istio-control/istio-discovery`)."""

_CHART_VARIABLES = frozenset({
    "REVISION", "PILOT_CERT_PROVIDER", "POD_NAME", "POD_NAMESPACE", "SERVICE_ACCOUNT", "KUBECONFIG", "GODEBUG",
    "CA_TRUSTED_NODE_ACCOUNTS", "PILOT_TRACE_SAMPLING", "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS", "GOMAXPROCS",
    "PILOT_NODE_UNTAINT_CONTROLLERS_TAINT_NAME", "EXTERNAL_ISTIOD", "PILOT_CA_CERT_CONFIGMAP", "PILOT_CRL_CONFIGMAP",
    "PILOT_ENABLE_ANALYSIS", "CLUSTER_ID", "PLATFORM", "GOMEMLIMIT", "PILOT_ENABLE_AMBIENT",
    "VALIDATION_WEBHOOK_CONFIG_NAME", "ROOT_CA_DIR", "INJECTION_WEBHOOK_CONFIG_NAME",
})  # fmt: skip
"""Variables of istiod that the chart writes by itself, from values that are kept elsewhere."""

_SAMPLING = "PILOT_TRACE_SAMPLING"
_NOT_READY = "cni.istio.io/not-ready"
_PLACEMENT = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints")


def kept_values(found: Current) -> Iterator[Setting]:
    """What the injector was told and the chart would not tell it by itself."""
    if found.injector is None:
        return
    for path, default in _DEFAULTS:
        value = inner(found.values, *path)
        if value is not None and value != default:
            field = f"data.values: {'.'.join(path)}"
            yield Setting(path, value, "set today, kept", found.injector.id, field)


def kept_variables(istiod: Istiod) -> Iterator[Setting]:
    """Environment of istiod that somebody set: `env` of the chart."""
    for variable in istiod.container.env or ():
        if variable.name and variable.value and variable.name not in _CHART_VARIABLES:
            yield Setting(
                ("env", variable.name),
                _typed(variable.name, variable.value),
                "set today, kept",
                istiod.resource.id,
                f"spec.template.spec.containers[discovery].env[{variable.name}]",
            )
        elif variable.name == _SAMPLING and (rate := _rate(variable.value)) is not None and rate != 1:
            field = f"spec.template.spec.containers[discovery].env[{_SAMPLING}]"
            yield Setting(("traceSampling",), rate, "set today, kept", istiod.resource.id, field)


def kept_placement(istiod: Istiod) -> Iterator[Setting]:
    """Where istiod may run."""
    spec = pod_spec(istiod.resource)
    for field in _PLACEMENT:
        value = _without_charts(spec.get(field)) if field == "tolerations" else spec.get(field)
        if value:
            yield Setting((field,), value, "set today, kept", istiod.resource.id, f"spec.template.spec.{field}")


def _without_charts(tolerations: object) -> list[Any]:
    """Less the one that the chart adds by itself."""
    found = tolerations if isinstance(tolerations, list) else []
    return [each for each in found if inner(each, "key") != _NOT_READY]


def _rate(text: str | None) -> float | None:
    """A percentage; None for what is none."""
    try:
        rate = float(text or "")
    except ValueError:
        return None
    return rate if 0 <= rate <= 100 else None


def _typed(name: str, value: str) -> str | bool:
    """The chart compares this one with a boolean, and fails for text."""
    return value == "true" if name == "ENABLE_CLUSTER_TRUST_BUNDLE_API" else value
