"""What must hold after a wave before the next begins: queries that a Prometheus of Istio's metrics answers.

A request is counted once: by the server's sidecar before it moves, by the waypoint after, and by the client's sidecar
only where it reached neither. A ztunnel knows no requests, so who is behind no waypoint is judged by connections alone.

Source: Istio's standard metrics; istio-semantics.md D-table (o) (who reports what); ztunnel.md §7.1; istio#60757
(sidecars that stay use more CPU while others move); kube-state-metrics for restarts. Thresholds are ours.
"""

from collections.abc import Collection, Iterable, Mapping

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.measures import Count, Level, Quantity, Query, Shares, Slower
from sidestep.plan.steps import Comparison, Gate

Waypoint = tuple[str, str]
"""Namespace and name of a Gateway."""
_LATENCY_FACTOR, _ERROR_FACTOR, _CPU_FACTOR = 1.2, 1.1, 1.5
_TOLERATED, _TOLERATED_CORES = 0.01, 0.02
_MOST_PLAIN = 0.05
_HEADROOM = 0.8
_BUSIER, _TOLERATED_SHARE = 1.2, 0.1
_QUANTILE = 0.99
_LONGEST, _WINDOW = 1800, 300
LONG_LIVED = 600
"""Seconds after which a connection is old."""
_SERVER = 'reporter=~"destination|waypoint"'
_BAD = 'response_code=~"5..|403"'
_NEVER_ARRIVED = 'response_flags=~"UF|UH|NR|NC|URX"'
_NO_SIDECAR = "ztunnel-.*|.*(gateway|waypoint).*"
"""Pods whose container has a sidecar's name and is none (Istio's charts of ztunnel, gateways and waypoints)."""
_UNAVAILABLE = 'response_code="200",grpc_response_status="14"'


def gates(guarded: Mapping[WorkloadRef, Iterable[Waypoint]], limited: Collection[WorkloadRef] = ()) -> tuple[Gate, ...]:
    """Gates of a wave.

    Args:
        guarded: who moves, each with the waypoints that see its requests; none for one that has none.
        limited: those of them whose applications have a limit of CPU.
    """
    workloads = tuple(sorted(guarded))
    seen = tuple(ref for ref in workloads if tuple(guarded[ref]))
    waypoints = sorted({each for found in guarded.values() for each in found})
    http = (_errors(seen), _latency(seen), _headroom(waypoints)) if seen else ()
    seen_by_kubelets = (_restarts(workloads), *((_saturation(limited),) if limited else ()), _sidecars(workloads))
    return (*http, _connections(workloads), _certificates(workloads), *seen_by_kubelets)


def old_connections(workload: WorkloadRef, *, stops: bool = True) -> Gate:
    """Before its pods end: no connection of bytes is known to be open for long; those that are, are waited for.

    Args:
        workload: whose pods.
        stops: those that are left after the longest time stop the plan; else they are cut.

    Counters do not tell ages. Those that are open, less those that were opened lately, are old for sure: of a pool of
    connections that stay that is all of them, of connections that come and go none.
    """
    chosen = (_to((workload,)), 'reporter="destination"')
    opened, closed = (f"istio_tcp_connections_{each}_total{{{','.join(chosen)}}}" for each in ("opened", "closed"))
    query = f"clamp_min(sum({opened}) - {_or_none(f'sum({closed})')} - sum(increase({opened}[$window])), 0)"
    reading = Count(Query(Quantity.OLD_CONNECTIONS, query, (workload,)), LONG_LIVED, patient=True)
    return Gate("old-connections", query, Comparison.AT_MOST, 0, _LONGEST, reading=reading, stops=stops)


def bytes_moved(workload: WorkloadRef) -> Query:
    """That all connections to a workload moved, both ways, by whoever took them."""
    chosen = (_to((workload,)), 'reporter="destination"')
    sent, received = (_many(f"istio_tcp_{each}_bytes_total", *chosen) for each in ("sent", "received"))
    return Query(Quantity.OTHER, f"{sent} + {received}", (workload,))


def _errors(workloads: tuple[WorkloadRef, ...]) -> Gate:
    chosen = _to(workloads)
    arrived = _many("istio_requests_total", _SERVER, chosen)
    refused = (
        _many("istio_requests_total", _SERVER, _BAD, chosen),
        _many("istio_requests_total", _SERVER, _UNAVAILABLE, chosen),
    )
    lost = _many("istio_requests_total", 'reporter="source"', _NEVER_ARRIVED, chosen)
    everything = f"({arrived} + {_or_none(lost)})"
    bad = " + ".join(_or_none(each) for each in (*refused, lost))
    reading = Shares(
        Query(Quantity.FAILED_REQUESTS, bad, workloads), Query(Quantity.REQUESTS, everything, workloads), _TOLERATED
    )
    return _gate("error-rate", reading, Comparison.NO_WORSE_THAN_BASELINE, _ERROR_FACTOR)


def _latency(workloads: tuple[WorkloadRef, ...]) -> Gate:
    name, chosen = "istio_request_duration_milliseconds", _to(workloads)
    quantile = f"histogram_quantile({_QUANTILE}, sum by (le) (rate({name}_bucket{{{_SERVER},{chosen}}}[$window])))"
    within = f'sum(increase({name}_bucket{{{_SERVER},{chosen},le=~"$le"}}[$window]))'
    reading = Slower(
        Query(Quantity.LATENCY, quantile, workloads, _QUANTILE),
        Query(Quantity.REQUESTS_WITHIN, within, workloads),
        Query(Quantity.REQUESTS, _many(f"{name}_count", _SERVER, chosen), workloads),
        _TOLERATED,
    )
    return _gate("latency-p99", reading, Comparison.NO_WORSE_THAN_BASELINE, _LATENCY_FACTOR)


def _connections(workloads: tuple[WorkloadRef, ...]) -> Gate:
    """Without data where no ztunnel takes their connections: then nothing was captured."""
    chosen = _to(workloads)
    failed = _many("istio_tcp_connections_failed_total", chosen)
    cut = _many("istio_tcp_connections_closed_total", 'reporter="destination"', 'response_flags!="-"', chosen)
    opened = _many("istio_tcp_connections_opened_total", 'reporter="destination"', chosen)
    reading = Shares(
        Query(Quantity.FAILED_CONNECTIONS, f"{_or_none(failed)} + {_or_none(cut)}", workloads),
        Query(Quantity.CONNECTIONS, f"({opened} + {_or_none(failed)})", workloads),
    )
    return _gate("failed-connections", reading, Comparison.AT_MOST, _TOLERATED)


def _certificates(workloads: tuple[WorkloadRef, ...]) -> Gate:
    """Both ends showed certificates; probes and scrapes from outside of the mesh do not."""
    chosen, taken = _to(workloads), 'reporter="destination"'
    plain = _many("istio_tcp_connections_opened_total", taken, 'connection_security_policy!="mutual_tls"', chosen)
    opened = _many("istio_tcp_connections_opened_total", taken, chosen)
    reading = Shares(
        Query(Quantity.PLAIN_CONNECTIONS, _or_none(plain), workloads),
        Query(Quantity.TAKEN_CONNECTIONS, opened, workloads),
    )
    return _gate("certificates", reading, Comparison.AT_MOST, _MOST_PLAIN)


def _restarts(workloads: tuple[WorkloadRef, ...]) -> Gate:
    names = "|".join(sorted({ref.name for ref in workloads}))
    spaces = "|".join(sorted({ref.namespace for ref in workloads}))
    query = _many("kube_pod_container_status_restarts_total", f'namespace=~"{spaces}"', f'pod=~"({names})-.*"')
    reading = Count(Query(Quantity.RESTARTS, query, workloads))
    return Gate("restarts", query, Comparison.AT_MOST, 0, _WINDOW, reading=reading)


def _saturation(workloads: Iterable[WorkloadRef]) -> Gate:
    """The busiest application has as much of its limit left as before; without a limit, nothing is saturated."""
    busiest = _busiest(((ref.namespace, ref.name) for ref in workloads), 'container!~"|POD|istio-proxy"')
    reading = Level(Query(Quantity.APPLICATION_CPU, busiest), tolerance=_TOLERATED_SHARE)
    return _gate("saturation", reading, Comparison.NO_WORSE_THAN_BASELINE, _BUSIER)


def _sidecars(workloads: Iterable[WorkloadRef]) -> Gate:
    """Sidecars that are not migrated yet are told of every ambient workload; where none is left, they use nothing."""
    name, spaces = "container_cpu_usage_seconds_total", "|".join(sorted({ref.namespace for ref in workloads}))
    sidecars = f'{name}{{container="istio-proxy",pod!~"{_NO_SIDECAR}"}}'
    none_left = f'0 * max({name}{{namespace=~"{spaces}"}}) unless on () {sidecars}'
    query = f"avg(rate({sidecars}[$window])) or {none_left}"
    reading = Level(Query(Quantity.SIDECAR_CPU, query), tolerance=_TOLERATED_CORES)
    return _gate("sidecar-cpu", reading, Comparison.NO_WORSE_THAN_BASELINE, _CPU_FACTOR)


def _headroom(waypoints: Iterable[Waypoint]) -> Gate:
    """The busiest of these waypoints has room left; without a limit of CPU there is no data."""
    reading = Level(Query(Quantity.WAYPOINT_CPU, _busiest(waypoints, 'container="istio-proxy"')))
    return _gate("waypoint-headroom", reading, Comparison.AT_MOST, _HEADROOM)


def _busiest(owners: Iterable[tuple[str, str]], containers: str) -> str:
    """The largest share of its CPU limit that a pod of some owners, by namespace and name, uses in some containers."""
    listed = list(owners)
    spaces = "|".join(sorted({space for space, _ in listed}))
    names = "|".join(sorted({name for _, name in listed}))
    pods = f'namespace=~"{spaces}",pod=~"({names})-.*",{containers}'
    used = f"sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{pods}}}[$window]))"
    limit = f'sum by (namespace, pod) (kube_pod_container_resource_limits{{{pods},resource="cpu"}})'
    return f"max({used} / {limit})"


def _gate(name: str, reading: Shares | Slower | Level, comparison: Comparison, threshold: float) -> Gate:
    return Gate(name, _shown(reading), comparison, threshold, _LONGEST, reading=reading)


def _shown(reading: Shares | Slower | Level) -> str:
    """One query for people."""
    match reading:
        case Shares(bad=bad, all=all_):
            return f"({bad.promql}) / {all_.promql}"
        case Slower(latency=latency):
            return latency.promql
        case Level(value=value):
            return value.promql


def _to(workloads: Iterable[WorkloadRef]) -> str:
    listed = list(workloads)
    names = "|".join(sorted({ref.name for ref in listed}))
    spaces = "|".join(sorted({ref.namespace for ref in listed}))
    return f'destination_workload=~"{names}",destination_workload_namespace=~"{spaces}"'


def _many(metric: str, *chosen: str) -> str:
    return f"sum(increase({metric}{{{','.join(chosen)}}}[$window]))"


def _or_none(query: str) -> str:
    """Where nothing of the kind was ever counted, there is no series of it."""
    return f"({query} or vector(0))"
