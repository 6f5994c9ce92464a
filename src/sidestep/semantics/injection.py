"""Whether the next pod would get a sidecar, and who decides: first a webhook's selectors, then the injector.

Source: istio-semantics.md §1.1 (charts' mutatingwebhook.yaml) and §1.2 (pkg/kube/inject/inject.go, `injectRequired`).
Annotations are invisible to the webhook and labels are exact strings, which is where most surprises come from.
"""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import Labels, Revision
from sidestep.model.views.apps import LabelSelector, WebhookEntry
from sidestep.semantics.selectors import selects, selects_or_absent

INJECT = "sidecar.istio.io/inject"
INJECTION = "istio-injection"
REVISION = "istio.io/rev"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})


class Result(StrEnum):
    """What would happen to the next pod."""

    INJECTED = "injected"
    NOT_INJECTED = "not-injected"
    UNKNOWN = "unknown"


class InjectorPolicy(Struct, frozen=True):
    """What istiod's injector was configured with.

    Attributes:
        policy: `enabled`, `disabled`, or anything else, which means never.
        never: selectors that refuse a pod which says nothing itself.
        always: selectors that accept one.
        assumed: the ConfigMap was not read, and these are the defaults.
    """

    policy: str = "enabled"
    never: tuple[LabelSelector, ...] = ()
    always: tuple[LabelSelector, ...] = ()
    assumed: bool = True


class Injector(Struct, frozen=True):
    """One MutatingWebhookConfiguration of Istio's: a revision, or a tag that names one."""

    name: str
    revision: Revision
    entries: tuple[WebhookEntry, ...]
    tag: str | None = None
    policy: InjectorPolicy = InjectorPolicy()


class Candidate(Struct, frozen=True):
    """The pod that would be created: what its template says.

    `namespace_labels` is None when the namespace was not read.
    """

    namespace: str
    namespace_labels: Labels | None
    labels: Labels
    annotations: Labels
    host_network: bool = False


class Injection(Struct, frozen=True):
    """The answer, and every step that led to it."""

    result: Result
    reason: str
    revision: Revision | None = None
    chain: tuple[str, ...] = ()


def decide(injectors: tuple[Injector, ...], pod: Candidate) -> Injection:
    """What the next pod would get."""
    if pod.namespace_labels is None:
        return _without_namespace(pod)
    called = first_called(injectors, pod)
    if called is not None:
        return _injector_decides(*called, pod)
    reason = _why_no_webhook(injectors, pod.namespace_labels, pod)
    return Injection(Result.NOT_INJECTED, reason, chain=(f"no webhook entry matches: {reason}",))


def first_called(injectors: tuple[Injector, ...], pod: Candidate) -> tuple[Injector, WebhookEntry] | None:
    """The first injector that the API server would ask about a pod, and the webhook entry that matches it."""
    labels = {NAMESPACE_NAME: pod.namespace, **(pod.namespace_labels or {})}
    for injector in injectors:
        for entry in injector.entries:
            if selects_or_absent(entry.namespace_selector, labels) and selects_or_absent(
                entry.object_selector, pod.labels
            ):
                return injector, entry
    return None


def _without_namespace(pod: Candidate) -> Injection:
    if pod.host_network:
        return Injection(Result.NOT_INJECTED, "hostNetwork pods are never injected")
    if pod.labels.get(INJECT) == "false":
        return Injection(Result.NOT_INJECTED, f"pod label {INJECT}=false, which every webhook entry refuses")
    if pod.namespace in IGNORED_NAMESPACES:
        return Injection(Result.NOT_INJECTED, f"namespace {pod.namespace} is never injected")
    reason = f"namespace {pod.namespace} was not read, and its labels decide"
    return Injection(Result.UNKNOWN, reason, chain=(reason,))


def _why_no_webhook(injectors: tuple[Injector, ...], labels: Labels, pod: Candidate) -> str:
    """The first reason in the order in which an operator would look."""
    if not injectors:
        return "no sidecar injector is installed"
    if pod.labels.get(INJECT) == "false":
        return f"pod label {INJECT}=false"
    if INJECTION in labels:
        if labels[INJECTION] == "enabled":
            return f"namespace label {INJECTION}=enabled, but no default revision is installed"
        return f"namespace label {INJECTION}={labels[INJECTION]}"
    holder, wanted = ("namespace", labels[REVISION]) if REVISION in labels else ("pod", pod.labels.get(REVISION))
    if wanted is not None:
        return f"{holder} label {REVISION}={wanted}, which no installed revision or tag answers to"
    if INJECT in pod.annotations:
        return (
            f"only the annotation {INJECT}, which webhooks cannot see; no label on namespace or pod asks for injection"
        )
    if pod.labels.get(INJECT) == "true":
        return f"pod label {INJECT}=true, but no default revision is installed"
    return "no label on namespace or pod asks for injection"


def _injector_decides(injector: Injector, entry: WebhookEntry, pod: Candidate) -> Injection:
    via = f"tag {injector.tag}, revision {injector.revision}" if injector.tag else f"revision {injector.revision}"
    called = f"webhook {injector.name}, entry {entry.name} ({via}) matches"
    injected, reason = _required(injector.policy, pod)
    chain = [called, reason]
    if injector.policy.assumed:
        chain.append("the injector's configuration was not read: its defaults are assumed")
    return Injection(
        Result.INJECTED if injected else Result.NOT_INJECTED,
        f"{_asked_by(entry, pod)}; {reason}" if injected else reason,
        injector.revision if injected else None,
        tuple(chain),
    )


def _required(policy: InjectorPolicy, pod: Candidate) -> tuple[bool, str]:
    """The injector's own five questions, first answer wins."""
    if pod.host_network:
        return False, "hostNetwork pods are never injected"
    if pod.namespace in IGNORED_NAMESPACES:
        return False, f"namespace {pod.namespace} is never injected"
    wish, reason = _wish(policy, pod)
    match policy.policy:
        case "enabled":
            return wish is not False, reason
        case "disabled":
            return wish is True, reason
        case _:
            return False, f"injector policy {policy.policy!r} is neither enabled nor disabled, and never injects"


def _wish(policy: InjectorPolicy, pod: Candidate) -> tuple[bool | None, str]:
    """What the pod says, or else the injector's selectors; None leaves it to the policy."""
    holder, explicit = explicit_choice(pod.labels, pod.annotations)
    if explicit in ("true", "false"):
        return explicit == "true", f"pod {holder} {INJECT}={explicit}"
    if _any_selects(policy.never, pod.labels):
        return False, "neverInjectSelector of the injector matches the pod"
    if _any_selects(policy.always, pod.labels):
        return True, "alwaysInjectSelector of the injector matches the pod"
    return None, f"injector policy {policy.policy}"


def _any_selects(selectors: tuple[LabelSelector, ...], labels: Labels) -> bool:
    """Empty selectors, which elsewhere select everything, are skipped."""
    return any(selects(selector, labels) for selector in selectors if selector != LabelSelector())


def explicit_choice(labels: Labels, annotations: Labels) -> tuple[str, str | None]:
    """What the pod itself says, and by label or annotation: a label hides the annotation, even when empty."""
    if INJECT in labels:
        return "label", labels[INJECT]
    return "annotation", annotations.get(INJECT)


def _asked_by(entry: WebhookEntry, pod: Candidate) -> str:
    labels = pod.namespace_labels or {}
    if entry.name.startswith("object."):
        return f"pod label {INJECT}=true"
    if entry.name.startswith("rev.object."):
        return f"pod label {REVISION}={pod.labels.get(REVISION)}"
    for label in (INJECTION, REVISION):
        if label in labels and not entry.name.startswith("auto."):
            return f"namespace label {label}={labels[label]}"
    return f"webhook entry {entry.name}"
