"""Calls from access logs in files."""

import gzip

import pytest
from msgspec.structs import replace
from tests.sources.calls.test_log_lines import INBOUND, OUTBOUND, ZTUNNEL
from tests.support.mesh import app, mesh, o, workload

from sidestep.errors import WorldError
from sidestep.model.call_graph import CallerRole, Evidence
from sidestep.model.gaps import GapReason
from sidestep.sources.calls.access_log import LONGEST_LINE, AccessLogCalls

WEB, DETAILS, FAR = "10.244.0.12", "10.244.0.11", "10.244.7.7"
STARTED = "2024-04-01T00:00:00Z"


def objects(started=STARTED):
    made = []
    for name, address in (("web", WEB), ("details", DETAILS)):
        found = workload(app(name), name, "default", pods=1, started=started)
        found[-1]["status"]["podIP"] = address
        made += found
    return [*made, o.service("details", "default")]


def read(tmp_path, *lines, found=None):
    path = tmp_path / "access.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return AccessLogCalls([str(path)]).read(found or mesh(*objects()))


def later(line, seconds):
    return line.replace("15:38:42", f"15:38:{42 + seconds}")


def told(graph):
    return [
        (e.source.name, e.target.name, e.target.service, e.protocol, e.requests_per_second, e.connections_per_second)
        for e in graph.edges
    ]


def test_requests_in_a_second(tmp_path):
    graph = read(tmp_path, *(later(OUTBOUND, second) for second in range(11)))
    assert told(graph) == [("web", "details", "details", "http", 1.1, None)]
    (edge,) = graph.edges
    assert (edge.bytes_per_second, edge.evidence, edge.source.kind) == (
        pytest.approx(201.3),
        Evidence.ACCESS_LOG,
        "Deployment",
    )
    assert edge.proofs == (str(tmp_path / "access.log"),)
    assert graph.gaps == graph.remarks == ()


def test_a_call_in_the_logs_of_both_ends_counts_once(tmp_path):
    graph = read(tmp_path, OUTBOUND, INBOUND, later(OUTBOUND, 10), later(INBOUND, 10))
    assert told(graph) == [("web", "details", "details", "http", 0.2, None)]


def test_lines_in_any_order_tell_the_same(tmp_path):
    lines = [OUTBOUND, later(OUTBOUND, 5), later(INBOUND, 9), ZTUNNEL]
    assert read(tmp_path, *lines) == read(tmp_path, *reversed(lines))


def test_ztunnel_names_pods(tmp_path):
    line = (
        ZTUNNEL.replace("shell-x", "web-7d9f6c5b8-b2c4d")
        .replace("echo-y", "details-abc-0")
        .replace("echo.", "details.")
    )
    graph = read(tmp_path, line, later(line, 10))
    assert told(graph) == [("web", "details", "details", "tcp", None, 0.2)]


def test_an_identity_tells_a_namespace_at_least(tmp_path):
    line = ZTUNNEL.replace(' src.workload="shell-x"', "").replace("10.244.0.24", FAR)
    (edge,) = read(tmp_path, line).edges
    assert (edge.source.role, edge.source.namespace) == (CallerRole.UNKNOWN, "default")


def test_a_caller_from_outside_is_unknown(tmp_path):
    (edge,) = read(tmp_path, INBOUND.replace(f"{WEB}:38042", "203.0.113.9:1")).edges
    assert (edge.source.role, edge.target.name) == (CallerRole.UNKNOWN, "details")


def test_a_host_outside_the_mesh(tmp_path):
    (edge,) = read(
        tmp_path, OUTBOUND.replace("details.default.svc.cluster.local", "api.acme.test").replace(DETAILS, FAR)
    ).edges
    assert (edge.source.name, edge.target.host, edge.target.name) == ("web", "api.acme.test", "")


def test_an_address_is_not_that_of_a_pod_that_came_later(tmp_path):
    graph = read(
        tmp_path, INBOUND.replace("details.default", "x.default"), found=mesh(*objects("2024-05-01T00:00:00Z"))
    )
    assert [(edge.source.name, edge.target.name, edge.target.service) for edge in graph.edges] == [("", "", "x")]
    nowhere = read(tmp_path, INBOUND.replace("outbound_.9080_._.details.default.svc.cluster.local", "-"), found=mesh())
    assert not nowhere.edges
    assert "1 of 1 calls went to addresses" in nowhere.gaps[0].detail


def test_an_address_of_two_pods_and_of_a_node_is_nobodys(tmp_path):
    shared = objects()
    for each in shared:
        if each["kind"] == "Pod":
            each["status"]["podIP"] = WEB
    assert read(tmp_path, OUTBOUND, found=mesh(*shared)).edges[0].source.name == ""
    hosted = objects()
    for each in hosted:
        if each["kind"] == "Pod":
            each["spec"]["hostNetwork"] = True
    assert read(tmp_path, OUTBOUND, found=mesh(*hosted)).edges[0].source.name == ""


def test_lines_of_a_moment_have_no_rate(tmp_path):
    graph = read(tmp_path, OUTBOUND, OUTBOUND)
    assert told(graph) == [("web", "details", "details", "http", None, None)]
    assert ["less than a second" in remark.text for remark in graph.remarks] == [True]


def test_malformed_lines_are_counted_and_the_rest_is_kept(tmp_path):
    graph = read(tmp_path, OUTBOUND, "nonsense", "x" * (LONGEST_LINE * 2 + 5), later(OUTBOUND, 10))
    assert told(graph) == [("web", "details", "details", "http", 0.2, None)]
    (gap,) = graph.gaps
    assert gap.reason is GapReason.MALFORMED
    assert gap.detail == "2 of 4 lines are no access log, the first is line 2"


def test_what_else_a_proxy_says_is_no_gap_but_nothing_else_is(tmp_path):
    other = "2024-04-11T15:38:42.182000Z\tinfo\txdsproxy\tconnected"
    assert read(tmp_path, other, OUTBOUND).gaps == ()
    assert [gap.reason for gap in read(tmp_path, other).gaps] == [GapReason.ABSENT]
    assert [gap.reason for gap in read(tmp_path).gaps] == [GapReason.ABSENT]


def test_several_files_are_one_log_and_may_be_compressed(tmp_path):
    plain, zipped = tmp_path / "a.log", tmp_path / "b.log.gz"
    plain.write_text(OUTBOUND)
    zipped.write_bytes(gzip.compress(later(OUTBOUND, 10).encode()))
    graph = AccessLogCalls([str(plain), str(zipped)]).read(mesh(*objects()))
    assert told(graph) == [("web", "details", "details", "http", 0.2, None)]


def test_a_truncated_file_gives_what_stood_before(tmp_path):
    path = tmp_path / "a.gz"
    lines = "".join(f"{later(OUTBOUND, second % 10)}{second}\n" for second in range(5_000))
    path.write_bytes(gzip.compress(lines.encode())[:-200])
    graph = AccessLogCalls([str(path)]).read(mesh(*objects()))
    assert graph.edges
    assert GapReason.TRUNCATED in {gap.reason for gap in graph.gaps}


def test_bytes_of_any_kind_are_no_accident(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(bytes(range(256)) * 50)
    assert [gap.reason for gap in AccessLogCalls([str(path)]).read(mesh()).gaps] == [GapReason.MALFORMED]


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(WorldError, match=name):
        AccessLogCalls([str(tmp_path / name)]).read(mesh())


def test_a_mesh_of_part_of_the_cluster_leaves_names_without_kind(tmp_path):
    graph = read(tmp_path, ZTUNNEL, found=replace(mesh()))
    assert [(edge.source.name, edge.source.kind, edge.target.name) for edge in graph.edges] == [
        ("shell-x", "", "echo-y")
    ]
