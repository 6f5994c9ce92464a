"""Whom a container calls: as written, else as its environment lets see, else as samples are known to.

An environment that holds `<NAME>_ADDR: cartservice:7070` says whom a program calls, if there is a Service of that name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from sidestep.lab.cluster.objects import Tree, meta_of, spec_of
from sidestep.lab.workload.containers import Protocol
from sidestep.lab.workload.declared.ports import spoken_by
from sidestep.semantics.loose import as_dicts, as_text

_VARIABLE = re.compile(r".*(?:_ADDR|_ADDRESS|_URL|_URI|_HOST|_ENDPOINT|_SERVICE|_SERVER)")
_ADDRESS = re.compile(r"(?:(?P<scheme>https?|grpc|tcp)://)?(?P<host>[a-z0-9][a-z0-9.-]*):(?P<port>\d+)(?P<path>/\S*)?")
_SCHEMES = {Protocol.GRPC: "grpc", Protocol.TCP: "tcp", Protocol.TCP_FIRST: "tcp-first", Protocol.HTTPS: "https"}
_METHOD = "/sidestep.Workload/Call"
_SAMPLES = {
    "examples-bookinfo-productpage": ("http://details:9080/details/0", "http://reviews:9080/reviews/0"),
    "examples-bookinfo-reviews-v2": ("http://ratings:9080/ratings/0",),
    "examples-bookinfo-reviews-v3": ("http://ratings:9080/ratings/0",),
}
"""What the programs of Istio's bookinfo have built in, by the beginning of the image's name."""


def calls_of(written: str, image: str, env: Mapping[str, str], services: Sequence[Tree]) -> tuple[str, ...]:
    """URLs that a container calls for each request.

    Args:
        written: the annotation: URLs between commas; `none` for nobody.
        image: of the container.
        env: of the container.
        services: of the pod's namespace.
    """
    if written:
        listed = (each.strip() for each in written.split(","))
        return tuple(each for each in listed if each and each != "none")
    return tuple(dict.fromkeys([*_seen(env, services), *_of_sample(image)]))


def _seen(env: Mapping[str, str], services: Sequence[Tree]) -> Iterator[str]:
    for name, value in env.items():
        found = _ADDRESS.fullmatch(value) if _VARIABLE.fullmatch(name) else None
        if found is None:
            continue
        port = _port_of(found["host"], int(found["port"]), services)
        if port is not None:
            scheme = found["scheme"] or _SCHEMES.get(spoken_by(port, int(found["port"])), "http")
            path = found["path"] or (_METHOD if scheme == "grpc" else "/")
            yield f"{scheme}://{found['host']}:{found['port']}{path}"


def _port_of(host: str, number: int, services: Sequence[Tree]) -> Tree | None:
    """The port of a Service that a host names, in short or in full."""
    for service in services:
        meta = meta_of(service)
        own, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
        full = f"{own}.{namespace}.svc.cluster.local"
        if f"{full}.".startswith(f"{host}."):
            for port in as_dicts(spec_of(service).get("ports")):
                if port.get("port") == number:
                    return port
    return None


def _of_sample(image: str) -> tuple[str, ...]:
    name = image.rpartition("/")[2]
    return next((calls for prefix, calls in _SAMPLES.items() if name.startswith(prefix)), ())
