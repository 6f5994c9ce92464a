"""EndpointSlices that were written down, found by their Service."""

from collections import defaultdict
from collections.abc import Iterator

from sidestep.lab.cluster.objects import Change, Ref, Tree, Verb
from sidestep.model.kinds import SERVICE
from sidestep.model.views.core import EndpointSlice
from sidestep.semantics.endpoint_slices import service_named, slice_of
from sidestep.semantics.loose import labels_of


class Slices:
    """The slices that there are, as changes tell."""

    def __init__(self) -> None:
        self._held: defaultdict[Ref, dict[Ref, EndpointSlice]] = defaultdict(dict)

    def hear(self, change: Change) -> Iterator[Ref]:
        """Take a changed slice in; the Services that it is about, before and after."""
        before, after = _service(change.ref, change.before), _service(change.ref, change.tree)
        for each in dict.fromkeys(filter(None, (before, after))):
            self._held[each].pop(change.ref, None)
            yield each
        told = slice_of(change.tree)
        if after is not None and told is not None and change.verb is not Verb.DELETED:
            self._held[after][change.ref] = told

    def of(self, service: Ref) -> tuple[EndpointSlice, ...]:
        """The slices of a Service, by name."""
        return tuple(told for _, told in sorted(self._held.get(service, {}).items()))


def _service(ref: Ref, tree: Tree | None) -> Ref | None:
    named = service_named(labels_of(tree)) if tree is not None else ""
    return Ref(SERVICE.key, ref.namespace, named) if named else None
