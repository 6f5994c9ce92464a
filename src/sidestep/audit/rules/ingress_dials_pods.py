"""SID224: an ingress controller of another vendor dials pod addresses, past the waypoints of Services."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxies import Role
from sidestep.semantics.services import bound_services

_NONE_KNOWN = "no setting for it is known to us"
_IMAGES = {
    "ingress-nginx/controller": ("ingress-nginx", "annotation nginx.ingress.kubernetes.io/service-upstream=true"),
    "nginx-ingress-controller": ("nginx", "annotation nginx.ingress.kubernetes.io/service-upstream=true"),
    "nginx/nginx-ingress": ("NGINX Ingress Controller", "annotation nginx.org/use-cluster-ip=true"),
    "traefik": ("Traefik", "annotation traefik.ingress.kubernetes.io/service.nativelb=true"),
    "kong/kubernetes-ingress-controller": ("Kong", "annotation ingress.kubernetes.io/service-upstream=true"),
    "haproxytech/kubernetes-ingress": ("HAProxy", _NONE_KNOWN),
    "haproxy-ingress": ("HAProxy Ingress", "annotation haproxy-ingress.github.io/service-upstream=true"),
    "projectcontour/contour": ("Contour", _NONE_KNOWN),
    "apache/apisix-ingress-controller": ("APISIX", "resolveGranularity: service in its routes"),
}


def _check(facts: Facts) -> Iterator[Found]:
    bound = bound_services(facts.mesh)
    if not members(facts, facts.workloads):
        return
    for workload in facts.workloads:
        known = _controller(workload)
        if known is not None:
            product, remedy = known
            effect = f"the waypoints of {len(bound)} Services" if bound else "a waypoint, once Services have one,"
            yield Found(
                of_workload(workload),
                f"{product} dials the addresses of pods unless told otherwise: what it sends passes by {effect} and by "
                "the policies there (how it is set cannot be seen here)",
                f"have it dial the Service's address ({remedy}), or guard its backends at layer 4",
                (Evidence("image", _image(workload)), Evidence("Services with a waypoint", str(len(bound)))),
                None if bound else Severity.INFO,
            )


def _controller(workload: Workload) -> tuple[str, str] | None:
    """Product and remedy of an ingress controller, by its image."""
    if workload.role is not Role.APPLICATION:
        return None
    path = _image(workload)
    return next((found for mark, found in _IMAGES.items() if path == mark or path.endswith(f"/{mark}")), None)


def _image(workload: Workload) -> str:
    """The first container's image that is a controller's, without tag and digest; else that of the first container."""
    shape = workload.next_shape
    images = [_path(each.image or "") for each in (shape.spec.containers or () if shape else ())]
    marked = (image for image in images if any(image == mark or image.endswith(f"/{mark}") for mark in _IMAGES))
    return next(marked, images[0] if images else "")


def _path(image: str) -> str:
    path = image.partition("@")[0]
    head, slash, last = path.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


RULE = Rule("SID224", "ingress-dials-pods", "Ingress controller passes waypoints by", Severity.WARNING, _check)
