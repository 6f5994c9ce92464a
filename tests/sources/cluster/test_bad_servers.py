"""API servers that are busy, broken, slow, or something else altogether."""

import json
import subprocess
import sys

import pytest
from tests.support.http import Answer, answering, serving

from sidestep.errors import TransportError
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import KINDS, NODE, NOT_JUDGED, POD
from sidestep.semantics.unread import not_judged
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.client import ATTEMPTS, ApiClient
from sidestep.sources.cluster.listing import RESTARTS
from sidestep.sources.cluster.source import ClusterSource

GROUPS = sorted({(kind.group, version) for kind in KINDS for version in kind.versions if kind.group})
PODS, NODES = "/api/v1/pods", "/api/v1/nodes"


def tree(body) -> Answer:
    return Answer(body=json.dumps(body).encode())


def status(code: int, message: str, **headers) -> Answer:
    body = json.dumps({"kind": "Status", "message": message}).encode()
    return Answer(code, body, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def pod(name: str) -> dict:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": []}}


def page(*names: str, token: str = "") -> Answer:
    return tree({"metadata": {"continue": token, "resourceVersion": "7"}, "items": [pod(name) for name in names]})


def usual(path: str) -> Answer:
    """What a healthy, empty server says."""
    if path == "/version":
        return tree({"gitVersion": "v1.36.3"})
    if path == "/apis":
        groups = {group for group, _ in GROUPS}
        versions = {
            g: [{"version": v, "groupVersion": f"{g}/{v}"} for group, v in GROUPS if group == g] for g in groups
        }
        return tree({"groups": [{"name": name, "versions": found} for name, found in versions.items()]})
    if (path.count("/") == 3 and path.startswith("/apis/")) or path == "/api/v1":
        group = path.removeprefix("/apis/").rpartition("/")[0] if path != "/api/v1" else ""
        return tree({"resources": [{"name": kind.plural} for kind in KINDS if kind.group == group]})
    return tree({"metadata": {}, "items": []})


def read(special, timeout=5.0, **options):
    """The mesh of a server that is healthy but for `special(path, count of requests to it)`."""
    seen: dict[str, int] = {}
    waits: list[float] = []

    def decide(path: str, _: int) -> Answer:
        bare = path.partition("?")[0]
        seen[bare] = seen.get(bare, 0) + 1
        return special(path, seen[bare]) or usual(bare)

    with serving(decide) as url:
        access = Access("test", url, timeout=timeout)
        client = ApiClient(access, sleep=waits.append, jitter=lambda: 0.0)
        try:
            return ClusterSource(access, client=client, **options).read(), seen, waits
        finally:
            client.close()


def gaps(mesh):
    return {(gap.resource, gap.reason) for gap in mesh.gaps}


def test_an_empty_cluster_is_complete_and_empty():
    mesh, _, _ = read(lambda *_: None)
    assert mesh.gaps == ()
    assert mesh.pods == ()


def test_busy_servers_are_asked_again_as_late_as_they_wish():
    def busy(path, count):
        return status(429, "slow down", Retry_After="3") if path.startswith(PODS) and count < 3 else None

    mesh, seen, waits = read(busy)
    assert mesh.gaps == ()
    assert (seen[PODS], waits) == (3, [3.0, 3.0])


def test_failing_servers_are_asked_less_and_less_often_and_then_given_up():
    mesh, seen, waits = read(lambda path, _: status(503, "down") if path.startswith(PODS) else None)
    assert gaps(mesh) == {("pods", GapReason.UNREACHABLE)}
    assert seen[PODS] == ATTEMPTS
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_gone_in_the_middle_starts_again_without_doubles():
    def forgetful(path, count):
        if not path.startswith(PODS):
            return None
        if "continue=" not in path:
            return page("a", "b", token="next")
        return status(410, "too old") if count == 2 else page("c")

    mesh, _, _ = read(forgetful)
    assert sorted(pod.name for pod in mesh.pods) == ["a", "b", "c"]
    assert mesh.gaps == ()
    assert mesh.remarks == ()


def test_gone_for_ever_is_a_gap():
    def forgetful(path, _):
        if path.startswith(PODS):
            return status(410, "too old") if "continue=" in path else page("a", token="next")
        return None

    mesh, seen, _ = read(forgetful)
    assert gaps(mesh) == {("pods", GapReason.TIMEOUT)}
    assert seen[PODS] == 2 * (RESTARTS + 1)


def test_html_is_no_list():
    mesh, _, _ = read(lambda path, _: Answer(body=b"<html>please log in</html>") if path.startswith(NODES) else None)
    assert gaps(mesh) == {(NODE.key, GapReason.MALFORMED)}
    assert "please log in" in mesh.gaps[0].detail


def test_a_cut_connection_is_a_gap_after_some_attempts():
    cut = Answer(body=b'{"items": [', length=9_999)
    mesh, seen, _ = read(lambda path, _: cut if path.startswith(PODS) else None)
    assert gaps(mesh) == {(POD.key, GapReason.UNREACHABLE)}
    assert seen[PODS] == ATTEMPTS


def test_a_hanging_list_is_a_gap_with_the_option_that_helps():
    mesh, _, _ = read(lambda path, _: Answer(hang=True) if path.startswith(PODS) else None, timeout=0.3)
    assert gaps(mesh) == {("pods", GapReason.TIMEOUT)}
    assert "--request-timeout" in mesh.gaps[0].remedy


def test_one_malformed_object_costs_only_itself():
    mesh, _, _ = read(
        lambda path, _: tree({"items": [pod("a"), {"metadata": 5}, pod("b")]}) if path.startswith(PODS) else None
    )
    assert sorted(pod.name for pod in mesh.pods) == ["a", "b"]
    assert {gap.reason for gap in mesh.gaps} == {GapReason.MALFORMED}


def test_absent_kinds_are_gaps_unless_optional():
    def plain(path, _):
        return tree({"groups": []}) if path == "/apis" else None

    mesh, _, _ = read(plain)
    absent = {gap.resource for gap in mesh.gaps}
    assert {gap.reason for gap in mesh.gaps} == {GapReason.ABSENT}
    assert "virtualservices.networking.istio.io" in absent
    assert not absent & {kind.key for kind in KINDS if kind.optional}


_AT_ONCE = """
import json, sys, threading
import msgspec
from sidestep.sources.cluster.client import decoded
sys.setswitchinterval(1e-6)
body = json.dumps({f"f{each}": {"f19": 1} for each in range(20)}).encode()
for number in range(100):
    inner = msgspec.defstruct(f"Inner{number}", [(f"f{each}", int, 0) for each in range(20)])
    kind = msgspec.defstruct(f"Outer{number}", [(f"f{each}", inner | None, None) for each in range(20)])
    start = threading.Barrier(4)
    threads = [threading.Thread(target=lambda: (start.wait(), decoded(body, kind))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
"""


def test_the_first_answers_of_a_type_may_come_at_once():
    """Threads that meet a type while another looks at it for the first time ended the whole process."""
    done = subprocess.run([sys.executable, "-c", _AT_ONCE], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", NOT_JUDGED, ids=lambda kind: kind.name)
def test_what_no_decision_looks_at_is_read_and_named(kind):
    found = {"apiVersion": kind.api_version(), "kind": kind.name, "metadata": {"name": "cart", "namespace": "shop"}}

    def special(path, _):
        listing = path.partition("?")[0] == f"/apis/{kind.api_version()}/{kind.plural}"
        return tree({"metadata": {}, "items": [found]}) if listing else None

    mesh, _, _ = read(special)
    (told,) = not_judged(mesh)
    assert told.startswith(f"{kind.name} shop/cart ({kind.group}): ")


def test_secrets_are_never_asked_for():
    _, seen, _ = read(lambda *_: None)
    assert not [path for path in seen if "secret" in path]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (status(401, "Unauthorized"), "refuses us"),
        (Answer(body=b"<html>"), "cannot read the cluster"),
        (status(500, "broken"), "cannot read the cluster"),
    ],
)
def test_without_an_introduction_nothing_is_read(answer, told):
    with pytest.raises(TransportError, match=told) as error:
        read(lambda *_: answer)
    assert error.value.remedy


def test_nobody_there():
    with pytest.raises(TransportError, match="cannot read the cluster"):
        ClusterSource(Access("test", "http://127.0.0.1:9", timeout=1)).read()


def test_something_else_on_that_port():
    with answering(body=b"SSH-2.0", status=200) as url, pytest.raises(TransportError):
        ClusterSource(Access("test", url, timeout=1)).read()
