"""Telemetry objects: what proxies write of requests, and what they tell of traces.

Source: istio/api telemetry/v1; pilot/pkg/model/telemetry.go: the mesh's object, then the namespace's, then the
workload's, where what a later one sets replaces what an earlier one did. Metrics are not tailored here.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import TELEMETRY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.parse import match_labels, target_refs
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.mesh_config import mesh_configs
from sidestep.semantics.routing.age import created
from sidestep.semantics.span_exporters import Exporter, exporter, unheeded_exporters
from sidestep.semantics.trees import MalformedError

CLIENT, SERVER = "CLIENT", "SERVER"
_ENVOY = "envoy"
_SAMPLED = 1.0


class LogFormat(Struct, frozen=True):
    """How a line looks: a text, or labels with format strings; neither for Istio's own."""

    text: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    json: bool = False


class Logging(Struct, frozen=True):
    """What is written of requests: lines of this form, of requests that meet an expression of CEL (empty for all)."""

    form: LogFormat = LogFormat()
    only: str = ""


class Tag(Struct, frozen=True):
    """Something that spans say: a text, or a header's or variable's value."""

    name: str
    kind: str
    value: str
    default: str = ""


class Tracing(Struct, frozen=True):
    """What is told of traces.

    Attributes:
        to: whom.
        percent: of requests that nobody has decided about.
        tags: that spans have.
    """

    to: Exporter
    percent: float = _SAMPLED
    tags: tuple[Tag, ...] = ()


class Observed(Struct, frozen=True):
    """What is seen of one proxy's requests."""

    logs: tuple[Logging, ...] = ()
    tracing: Tracing | None = None


class Telemetries:
    """All Telemetry objects of a mesh, and its providers.

    Args:
        mesh: of which.
        root: namespace whose object counts everywhere.
        known: hosts of services: of spans nothing is told to others; None where all are known.
    """

    def __init__(self, mesh: Mesh, root: str, known: Container[str] | None = None) -> None:
        config = next(iter(mesh_configs(mesh)), None)
        self._known = known
        self._root, self._values = root, dict(config.values) if config else {}
        ordered = sorted(mesh.of(TELEMETRY), key=lambda each: (created(each.meta), each.meta.name))
        self._placed = [found for each in ordered if (found := _placed(each)) is not None]

    def of(self, side: str, namespace: str, labels: Labels, targets: Iterable[TargetRef] = ()) -> Observed:
        """What is seen of a proxy's requests.

        Args:
            side: `CLIENT` or `SERVER`.
            namespace: of the pod.
            labels: of the pod; those of a waypoint select nothing.
            targets: what a waypoint serves there, as objects attached to it name it; none for other proxies.
        """
        levels = [each.spec for each in self._levels(namespace, labels, tuple(targets))]
        return Observed(tuple(self._logs(levels, side)), self._tracing(levels, side))

    def _levels(self, namespace: str, labels: Labels, targets: Sequence[TargetRef]) -> "Iterator[_Placed]":
        """From the mesh's to the workload's own; of several of one level the oldest."""
        for space in dict.fromkeys((self._root, namespace)):
            yield from [each for each in self._placed if each.namespace == space and each.for_all][:1]
        own = (each for each in self._placed if each.namespace == namespace and each.holds(labels, targets))
        yield from list(own)[:1]

    def _logs(self, levels: Iterable[Mapping[str, Any]], side: str) -> Iterator[Logging]:
        names = as_strings(as_dict(self._values.get("defaultProviders")).get("accessLogging"))
        if not names and self._values.get("accessLogFile"):
            names = (_ENVOY,)
        off, only = False, ""
        for asked in _entries(levels, "accessLogging", side):
            names = _providers(asked) or names
            off = asked["disabled"] is True if asked.get("disabled") is not None else off
            only = as_text(as_dict(asked.get("filter")).get("expression")) or only
        if not off:
            forms = (self._form(name) for name in names)
            yield from (Logging(form, only) for form in forms if form is not None)

    def _form(self, name: str) -> LogFormat | None:
        provider = self._provider(name)
        if name == _ENVOY and not provider:
            text = as_text(self._values.get("accessLogFormat"))
            json = self._values.get("accessLogEncoding") == "JSON"
            return LogFormat(text="" if json else text, json=json)
        if "envoyFileAccessLog" not in provider:
            return None
        told = as_dict(as_dict(provider["envoyFileAccessLog"]).get("logFormat"))
        labels = tuple((key, as_text(value)) for key, value in as_dict(told.get("labels")).items())
        return LogFormat(as_text(told.get("text")), labels, json="labels" in told)

    def _tracing(self, levels: Iterable[Mapping[str, Any]], side: str) -> Tracing | None:
        names = as_strings(as_dict(self._values.get("defaultProviders")).get("tracing"))
        usual = as_dict(as_dict(self._values.get("defaultConfig")).get("tracing")).get("sampling")
        percent, off = _number(usual, _SAMPLED), False
        tags: tuple[Tag, ...] = ()
        for asked in _entries(levels, "tracing", side):
            names = _providers(asked) or names
            percent = _number(asked.get("randomSamplingPercentage"), percent)
            off = asked["disableSpanReporting"] is True if asked.get("disableSpanReporting") is not None else off
            tags = tuple(_tags(asked)) or tags
        found = (exporter(self._provider(name)) for name in names)
        to = next((each for each in found if each is not None), None)
        return None if off or to is None or self._unknown(to) else Tracing(to, percent, tags)

    def _unknown(self, to: Exporter) -> bool:
        return self._known is not None and to.host not in self._known

    def unheeded(self) -> Iterator[str]:
        """In words, what the mesh configuration says of spans that proxies are not told; of what anybody asks for."""
        usual = as_strings(as_dict(self._values.get("defaultProviders")).get("tracing"))
        asked = (each for placed in self._placed for each in as_dicts(placed.spec.get("tracing")))
        used = {*usual, *(name for each in asked for name in _providers(each))}
        yield from unheeded_exporters(self._values, used)
        for name in sorted(used):
            to = exporter(self._provider(name))
            if to is not None and self._unknown(to):
                yield f"extensionProviders {name!r}: there is no service {to.host}: no span is made"

    def _provider(self, name: str) -> Mapping[str, Any]:
        listed = as_dicts(self._values.get("extensionProviders"))
        return next((each for each in listed if each.get("name") == name), {})


class _Placed(Struct, frozen=True):
    namespace: str
    spec: Mapping[str, Any]
    selector: Labels | None
    targets: tuple[TargetRef, ...]

    @property
    def for_all(self) -> bool:
        return self.selector is None and not self.targets

    def holds(self, labels: Labels, targets: Sequence[TargetRef]) -> bool:
        if self.targets or targets:
            return any((each.kind, each.name) == (own.kind, own.name) for each in self.targets for own in targets)
        return self.selector is not None and not self.selector.items() - labels.items()


def _placed(resource: Resource[Any]) -> _Placed | None:
    """An object and where it counts; one of which that cannot be read counts nowhere."""
    spec = resource.view.spec or {}
    try:
        return _Placed(resource.meta.namespace, spec, match_labels(spec.get("selector")), target_refs(spec))
    except MalformedError:
        return None


def _entries(levels: Iterable[Mapping[str, Any]], field: str, side: str) -> Iterator[Mapping[str, Any]]:
    for spec in levels:
        for asked in as_dicts(spec.get(field)):
            mode = as_text(as_dict(asked.get("match")).get("mode"))
            if mode in ("", "CLIENT_AND_SERVER", side):
                yield asked


def _providers(asked: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(as_text(each.get("name")) for each in as_dicts(asked.get("providers")))


def _tags(asked: Mapping[str, Any]) -> Iterator[Tag]:
    fields = {"literal": "value", "environment": "name", "header": "name"}
    for name, said in as_dict(asked.get("customTags")).items():
        for kind, field in fields.items():
            found = as_dict(as_dict(said).get(kind))
            if found:
                yield Tag(name, kind, as_text(found.get(field)), as_text(found.get("defaultValue")))


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
