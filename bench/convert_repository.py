"""A repository of manifests of any size, as teams keep them: a folder for each namespace, a file for each application.

Same size, same bytes. Each application has a Service, a ServiceAccount and a Deployment, one in four a second one of
another version; three in four have an AuthorizationPolicy, half a VirtualService, a quarter a DestinationRule, a
NetworkPolicy or a ConfigMap. Each namespace has a PeerAuthentication and a Sidecar.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml
from tools.meshgen import objects as o
from tools.meshgen.templates import app

APPS_PER_NAMESPACE = 20
OBJECTS_PER_APP = 5
"""About."""
_DOMAIN = "cluster.local/ns/{}/sa/{}"


def write(objects: int, folder: Path) -> int:
    """Files of about so many objects; returns how many there are."""
    written = 0
    applications = objects // OBJECTS_PER_APP
    for number in range(max(1, applications // APPS_PER_NAMESPACE)):
        space = f"space-{number}"
        (folder / space).mkdir(parents=True, exist_ok=True)
        written += _write(folder / space / "namespace.yaml", f"owned by team {number}", list(_namespace(space)))
        for place in range(APPS_PER_NAMESPACE):
            own = list(_application(number * APPS_PER_NAMESPACE + place, space, applications))
            written += _write(folder / space / f"app-{place}.yaml", f"application {place}", own)
    return written


def _write(path: Path, comment: str, objects: list[o.Object]) -> int:
    texts = (yaml.dump(_bare(each), Dumper=yaml.CSafeDumper, sort_keys=False) for each in objects)
    path.write_text(f"# {comment}\n" + "---\n".join(texts))
    return len(objects)


def _bare(thing: o.Object) -> o.Object:
    """Without what the API server adds."""
    meta = {key: thing["metadata"][key] for key in ("name", "namespace", "labels") if thing["metadata"].get(key)}
    return {**thing, "metadata": meta}


def _namespace(space: str) -> Iterator[o.Object]:
    yield o.labelled_namespace(space, {"istio-injection": "enabled"})
    yield o.istio("PeerAuthentication", "default", space, {"mtls": {"mode": "STRICT"}})
    yield o.istio("Sidecar", "default", space, {"egress": [{"hosts": ["./*", "istio-system/*"]}]})


def _application(number: int, space: str, all_of_them: int) -> Iterator[o.Object]:
    name, chosen = f"app-{number}", {"matchLabels": {"app": f"app-{number}"}}
    yield from _deployments(name, space, ("v1", "v2") if number % 4 == 1 else ("",))
    service = o.service(name, space)
    del service["spec"]["clusterIP"]
    yield service
    yield o.thing("v1", "ServiceAccount", o.meta(name, space))
    if number % 4 != 3:
        spec = {"selector": chosen, "rules": list(_rules(number, space, all_of_them))}
        yield o.istio("AuthorizationPolicy", name, space, spec)
    if number % 2:
        yield _route(name, space, subset=number % 4 == 1)
    if number % 4 == 1:
        subsets = [{"name": each, "labels": {"version": each}} for each in ("v1", "v2")]
        yield o.istio("DestinationRule", name, space, {"host": name, "subsets": subsets})
    if number % 4 == 2:
        yield o.network_policy(name, space, name, (8080,))
    if number % 4 == 3:
        yield o.thing("v1", "ConfigMap", o.meta(name, space), data={"settings": "level: info\nretries: 3\n"})


def _deployments(name: str, space: str, versions: tuple[str, ...]) -> Iterator[o.Object]:
    for version in versions:
        template = app(name, **({"version": version} if version else {}))
        template["spec"]["serviceAccountName"] = name
        found = o.controller("Deployment", f"{name}-{version}" if version else name, space, template, 2)
        found["spec"]["selector"] = {"matchLabels": template["metadata"]["labels"]}
        yield found


def _rules(number: int, space: str, all_of_them: int) -> Iterator[o.Object]:
    callers = [number * 7 % all_of_them, (number * 31 + 5) % all_of_them]
    names = [_DOMAIN.format(f"space-{each // APPS_PER_NAMESPACE}", f"app-{each}") for each in callers]
    if number % 3 == 0:
        yield {"from": [{"source": {"principals": names, "namespaces": [space]}}]}
        return
    reads = {"methods": ["GET", "HEAD"], "paths": ["/api/*", "/health"]}
    yield {"from": [{"source": {"namespaces": [space]}}], "to": [{"operation": reads}]}
    yield {"from": [{"source": {"principals": names}}], "to": [{"operation": {"ports": ["8080"], "methods": ["POST"]}}]}


def _route(name: str, space: str, *, subset: bool) -> o.Object:
    own = {"destination": {"host": name, **({"subset": "v1"} if subset else {})}}
    other = {"destination": {"host": name, "subset": "v2"}} if subset else own
    canary = [{**own, "weight": 90}, {**other, "weight": 10}]
    http = [
        {"match": [{"uri": {"prefix": "/v2/"}}], "route": [own], "timeout": "2s", "retries": {"attempts": 3}},
        {"match": [{"headers": {"x-canary": {"exact": "1"}}}], "route": canary},
        {"route": [own]},
    ]
    return o.istio("VirtualService", name, space, {"hosts": [name], "http": http})
