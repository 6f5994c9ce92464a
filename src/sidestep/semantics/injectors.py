"""Which sidecar injectors a mesh has: Istio's webhook configurations, and what their injector was told.

Where webhooks could not be read (a GitOps folder, a forbidden kind), Istio's own selectors are assumed for the default
revision and for every revision that a label asks for; the decision then says so.
"""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import structs

from sidestep.model.kinds import CONFIG_MAP, NAMESPACE, WEBHOOK
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.model.metadata import Revision
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector, Requirement, WebhookConfiguration, WebhookEntry
from sidestep.semantics.embedded import embedded_yaml
from sidestep.semantics.injection import (
    INJECT,
    INJECTION,
    REVISION,
    Candidate,
    Injection,
    Injector,
    InjectorPolicy,
    decide,
    first_called,
)

DEFAULT = Revision("default")
_TAG = "istio.io/tag"
_SUFFIX = "sidecar-injector.istio.io"
_CONFIG = "istio-sidecar-injector"
_ASSUMED = "webhooks were not read: those that Istio's charts install are assumed"


class Injectors(msgspec.Struct, frozen=True):
    """All injectors, in the order in which the API server calls them.

    Attributes:
        installed: from the webhooks that were read.
        assumed: the webhooks were not read; each pod's labels say which revisions to assume.
    """

    installed: tuple[Injector, ...]
    assumed: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Every name that a revision label may use: tags, and revisions that have a webhook of their own."""
        return frozenset(injector.tag or injector.revision for injector in self.installed)

    @property
    def revisions(self) -> frozenset[Revision]:
        """Every revision that injects, by its own name or by a tag."""
        return frozenset(injector.revision for injector in self.installed)

    def answers(self, pod: Candidate) -> bool:
        """Whether any webhook is called for a pod; what the injector then decides is another matter."""
        return first_called(self._for(pod), pod) is not None

    def decide(self, pod: Candidate) -> Injection:
        """What the next pod would get."""
        found = decide(self._for(pod), pod)
        return structs.replace(found, chain=(*found.chain, _ASSUMED)) if self.assumed else found

    def _for(self, pod: Candidate) -> tuple[Injector, ...]:
        return _assumed_for(pod) if self.assumed else self.installed


def injectors(mesh: Mesh) -> Injectors:
    """The injectors of a mesh."""
    read = tuple(_from_webhook(mesh, webhook) for webhook in mesh.of(WEBHOOK) if _is_istio(webhook))
    if read or not _webhooks_unread(mesh):
        return Injectors(tuple(sorted(read, key=lambda injector: injector.name)))
    return Injectors((), assumed=True)


def candidate(mesh: Mesh, shape: PodShape) -> Candidate:
    """The pod that a shape would make, as the API server would see it."""
    namespace = mesh.find(NAMESPACE, "", shape.namespace)
    return Candidate(
        shape.namespace,
        namespace.meta.labels if namespace else None,
        shape.labels,
        shape.annotations,
        shape.spec.host_network,
    )


def _assumed_for(pod: Candidate) -> tuple[Injector, ...]:
    asked = (labels.get(REVISION) for labels in (pod.namespace_labels or {}, pod.labels))
    names = sorted({Revision(name) for name in asked if name} - {DEFAULT})
    return tuple(assumed_injector(name) for name in (DEFAULT, *names))


@lru_cache(maxsize=256)
def assumed_injector(revision: Revision) -> Injector:
    """The injector that Istio's charts install for a revision (`manifests/charts/.../mutatingwebhook.yaml`)."""
    not_refused = _expression(INJECT, "NotIn", "false")
    unlabelled = (_expression(INJECTION, "DoesNotExist"), _expression(REVISION, "DoesNotExist"))
    entries = [
        _entry("rev.namespace", (_expression(REVISION, "In", revision), unlabelled[0]), (not_refused,)),
        _entry("rev.object", unlabelled, (not_refused, _expression(REVISION, "In", revision))),
    ]
    if revision == DEFAULT:
        asked = (_expression(INJECT, "In", "true"), unlabelled[1])
        entries += [
            _entry("namespace", (_expression(INJECTION, "In", "enabled"),), (not_refused,)),
            _entry("object", unlabelled, asked),
        ]
    return Injector(f"{_CONFIG} (assumed)", revision, tuple(entries))


def _is_istio(webhook: Resource[WebhookConfiguration]) -> bool:
    return any(entry.name.endswith(_SUFFIX) for entry in webhook.view.webhooks or ())


def _from_webhook(mesh: Mesh, webhook: Resource[WebhookConfiguration]) -> Injector:
    revision = Revision(webhook.meta.labels.get(REVISION) or DEFAULT)
    entries = tuple(entry for entry in webhook.view.webhooks or () if entry.name.endswith(_SUFFIX))
    return Injector(
        webhook.meta.name,
        revision,
        entries,
        webhook.meta.labels.get(_TAG),
        _policy(mesh, revision, _service_namespace(entries)),
    )


def _service_namespace(entries: tuple[WebhookEntry, ...]) -> str:
    service: Any = next(((e.client_config or {}).get("service") for e in entries), None) or {}
    namespace = service.get("namespace") if isinstance(service, dict) else None
    return namespace if isinstance(namespace, str) else "istio-system"


def _policy(mesh: Mesh, revision: Revision, namespace: str) -> InjectorPolicy:
    name = _CONFIG if revision == DEFAULT else f"{_CONFIG}-{revision}"
    config_map = mesh.find(CONFIG_MAP, namespace, name)
    config = embedded_yaml((config_map.view.data or {}).get("config")) if config_map else None
    if config is None:
        return InjectorPolicy()
    return InjectorPolicy(
        str(config.get("policy", "enabled")),
        _selectors(config.get("neverInjectSelector")),
        _selectors(config.get("alwaysInjectSelector")),
        assumed=False,
    )


def _selectors(value: object) -> tuple[LabelSelector, ...]:
    try:
        return msgspec.convert(value or (), tuple[LabelSelector, ...])
    except msgspec.ValidationError:
        return ()


def _webhooks_unread(mesh: Mesh) -> bool:
    if mesh.source.kind is SourceKind.FILES:
        return True
    return any(gap.resource == WEBHOOK.key for gap in mesh.gaps)


def _entry(prefix: str, namespace: tuple[Requirement, ...], pod: tuple[Requirement, ...]) -> WebhookEntry:
    return WebhookEntry(f"{prefix}.{_SUFFIX}", LabelSelector(None, namespace), LabelSelector(None, pod))


def _expression(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key, operator, values)
