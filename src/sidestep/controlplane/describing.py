"""Who a workload or a service is, as metrics name it: by its key, its address or its host name."""

from ipaddress import ip_address

from msgspec import Struct

from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Service, Tunnel, Workload, WorkloadUid, identity_of


class Party(Struct, frozen=True):
    """One end of a connection.

    Attributes:
        workload: name of what controls it.
        namespace: of it.
        canonical_service: by which telemetry calls it.
        canonical_revision: likewise.
        identity: in its certificate.
        region: where it runs.
        zone: likewise.
        services: host names of what it serves, and at which of its ports.
        mesh: `sidecar`, `waypoint` or `gateway` for its proxy, `ambient` behind its node's, or `none`.
        app: name and version by the labels `app` and `version`, by which a pod's own proxy calls it.
        told: by which that proxy calls it to others, `app.kubernetes.io/…` first.
    """

    workload: str = ""
    namespace: str = ""
    canonical_service: str = ""
    canonical_revision: str = ""
    identity: str = ""
    region: str = ""
    zone: str = ""
    services: dict[str, list[int]] = {}
    mesh: str = "none"
    app: tuple[str, str] = ("", "")
    told: tuple[str, str] = ("", "")


class Named(Struct, frozen=True):
    """A service.

    Attributes:
        host: its name in full.
        name: of the object.
        namespace: of the object.
        entry: whether that is a ServiceEntry.
    """

    host: str = ""
    name: str = ""
    namespace: str = ""
    entry: bool = False


class Answer(Struct, frozen=True):
    """What is known by a name."""

    party: Party | None = None
    service: Named | None = None


def described(index: Index, name: str) -> Answer:
    """What is known by a key, an address, or a host name; of who is gone, what was known last."""
    if not _is_address(name):
        workload = index.workloads.get(WorkloadUid(name)) or index.departed.named(WorkloadUid(name))
        service = index.service_named(name) if workload is None else None
    else:
        service = index.service_at(name)
        workload = index.workload_at(name) or (index.departed.at(name) if service is None else None)
    return Answer(_party(index, workload) if workload is not None else None, _named(service))


def _party(index: Index, workload: Workload) -> Party:
    services = {
        index.services[key].hostname: [port.target_port for port in ports]
        for key, ports in workload.services.items()
        if key in index.services
    }
    labels = workload.labels
    app, version = (labels.get(each, "") for each in ("app", "version"))
    return Party(
        workload.workload_name or workload.name,
        workload.namespace,
        workload.canonical_name,
        workload.canonical_revision,
        identity_of(workload),
        workload.locality.region,
        workload.locality.zone,
        services,
        workload.proxy or ("ambient" if workload.tunnel is Tunnel.HBONE else "none"),
        (app, version),
        (labels.get("app.kubernetes.io/name", app), labels.get("app.kubernetes.io/version", version)),
    )


def _named(service: Service | None) -> Named | None:
    return (
        Named(service.hostname, service.name, service.namespace, not service.canonical) if service is not None else None
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
