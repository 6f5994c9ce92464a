"""What objects name that is not there. What asks it is refused, as in Istio, and somebody should be told."""

from collections.abc import Iterator

from sidestep.semantics.index import MeshIndex


def unmet(mesh: MeshIndex) -> Iterator[str]:
    """In words, each by object and field."""
    for rule, why in mesh.routing.lacking():
        yield f"{rule.object}: {rule.place}: {why}: its share is answered with {rule.missing_status}"
    for source, why in mesh.routing.refused():
        yield f"{source}: {why}: Istio refuses the whole object, and it counts for nothing"
    for rule, why in mesh.routing.uncopied():
        yield f"{rule.object}: {rule.place}: {why}: nobody gets the copies of its requests"
    for source, field, name in mesh.routing.undelegated():
        missing = f"there is no VirtualService {name} without hosts that may be named here"
        yield f"{source}: {field}: {missing}: the rule counts for nothing"
    config = mesh.settings.config
    for why in mesh.settings.refused_authorizers:
        yield f"{config}: {why}: whatever asks it is refused"
    for name in sorted(mesh.settings.authorizers.keys() - mesh.authorizers.keys()):
        host = mesh.settings.authorizers[name].host
        yield f"{config}: extensionProviders {name!r}: there is no service {host}: whatever asks it is refused"
    yield from (f"{config}: {why}" for why in mesh.telemetries.unheeded())
