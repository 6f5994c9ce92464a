"""Prometheus down, slow, huge, forbidden, half well, or something else."""

import pytest
from tests.support.http import Answer, answering
from tests.support.mesh import Sidecar, app, inject, mesh, pod, workload
from tests.support.promql_stub import OWNED, failure, healthy, speaking, vector

from sidestep.errors import WorldError
from sidestep.model.gaps import GapReason
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import Spread, TelemetryKind
from sidestep.sources.telemetry import http_api
from sidestep.sources.telemetry.prometheus import PrometheusSource

SIDECAR = inject(app("cart"), Sidecar())
MESH = mesh(*workload(SIDECAR))
CART = WorkloadRef("shop", "Deployment", "cart")


def ask(url, timeout=5.0, of=MESH, token=None, ca=None, headers=()):
    return PrometheusSource(PrometheusSource.access(url, token, ca, headers, timeout), "1h", at=1.0).read(of)


def asked_of(answer, **how):
    with speaking(answer) as url:
        return ask(url, **how)


def heavy(query):
    return failure(422, "query processing would load too many samples into memory in query execution")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(body=b"<html>sign in</html>"), GapReason.MALFORMED),
        (Answer(302, headers=(("Location", "https://sso"),)), GapReason.UNAUTHORIZED),
        (Answer(401), GapReason.UNAUTHORIZED),
        (Answer(403), GapReason.FORBIDDEN),
        (Answer(404, b"404 page not found"), GapReason.ABSENT),
        (Answer(429), GapReason.UNREACHABLE),
        (Answer(500, b"oops"), GapReason.UNREACHABLE),
        (Answer(503, b"<html>no backend</html>"), GapReason.UNREACHABLE),
        (Answer(504, b"<html>too slow</html>"), GapReason.TIMEOUT),
        (Answer(body=b'{"status"', length=999), GapReason.UNREACHABLE),
        (failure(422, "bad query"), GapReason.MALFORMED),
        (Answer(body=b"[]"), GapReason.MALFORMED),
        (Answer(body=b'{"status":"success"}'), GapReason.MALFORMED),
        (Answer(body=b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'), GapReason.MALFORMED),
        (Answer(body=b'{"status":"success","data":{"resultType":"matrix","result":[]}}'), GapReason.MALFORMED),
        (Answer(body=b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1}}]}}'), GapReason.MALFORMED),
        (Answer(body=b'{"status":"success\xff"}'), GapReason.MALFORMED),
        (Answer(body=b""), GapReason.MALFORMED),
    ],
)  # fmt: skip
def test_a_server_that_does_not_answer_is_a_gap(answer, reason):
    with answering(**answer._asdict()) as url:
        found = ask(url)
    assert found.kind is TelemetryKind.NONE
    assert [gap.reason for gap in found.gaps] == [reason]
    assert found.gaps[0].remedy


def test_a_login_page_is_named_without_its_state():
    with answering(status=302, headers=(("Location", "https://u:pw@sso.example/login?state=geheim"),)) as url:
        detail = ask(url).gaps[0].detail
    assert "https://sso.example/login" in detail
    assert "geheim" not in detail
    assert "pw" not in detail


def test_nobody_there_and_nobody_in_time():
    assert ask("http://127.0.0.1:9").gaps[0].reason is GapReason.UNREACHABLE
    with answering(hang=True) as url:
        assert ask(url, timeout=0.2).gaps[0].reason is GapReason.TIMEOUT


def test_a_body_that_drips_is_late_though_every_byte_is_in_time():
    clock = iter(range(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_api.time, "monotonic", lambda: next(clock))
        with pytest.raises(http_api.QueryError) as error:
            http_api._bounded(iter([b"x"] * 50), 10)
    assert error.value.reason is GapReason.TIMEOUT
    assert next(clock) < 15


def test_an_answer_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(http_api, "LONGEST_ANSWER", 100)
    with answering(body=b"x" * 1_000) as url:
        assert ask(url).gaps[0].reason is GapReason.TOO_LARGE


def test_a_healthy_server_has_no_gaps():
    found = asked_of(healthy)
    assert found.gaps == ()
    assert found.proxies[CART].cpu_millis == Spread(7, 7, 7)
    assert found.requests_per_second == found.bytes_per_second == {CART: 7}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "x", ""])
@pytest.mark.parametrize("figure", ["quantile_over_time(0.5", "max_over_time"])
def test_what_is_no_number_is_left_out_and_never_0(value, figure):
    found = asked_of(lambda query: vector((OWNED, value)) if query.startswith(figure) else healthy(query))
    assert found.proxies == {}


def test_a_histogram_is_no_number():
    tree = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}'
    found = asked_of(lambda query: Answer(body=tree) if "istio_requests" in query else healthy(query))
    assert found.requests_per_second == {}
    assert found.gaps == ()


def test_no_series_of_proxies_is_a_gap_where_there_are_proxies():
    assert [gap.reason for gap in asked_of(lambda _: vector()).gaps] == [GapReason.ABSENT]
    assert asked_of(lambda _: vector(), of=mesh(pod(app("cart")))).gaps == ()


def test_cpu_that_nobody_measures_is_a_gap_and_cpu_of_the_young_a_remark():
    none = asked_of(lambda query: vector() if "cpu_usage" in query else healthy(query))
    assert none.proxies == {}
    assert "have either CPU or memory" in none.gaps[0].detail
    young = {**OWNED, "owner_name": "young"}

    def some(query):
        return vector((OWNED, "7"), (young, "7")) if "_over_time" in query and "cpu" not in query else healthy(query)

    found = asked_of(some)
    assert list(found.proxies) == [CART]
    assert found.gaps == ()
    assert any("1 workloads have either CPU or memory" in remark.text for remark in found.remarks)


def test_a_query_too_heavy_is_asked_again_in_parts():
    spaces = [f"ns{index}" for index in range(9)]

    def answer(query):
        if "_over_time" not in query and "istio_" not in query:
            label = {"owner_kind": "Deployment"} if "owner_kind" in query else {}
            return vector(*(({"namespace": space, **label}, "1") for space in spaces))
        asked = [space for space in spaces if space in query]
        if not asked or len(asked) > 3 or "ns4" in asked:
            return heavy(query)
        return vector(*(({**OWNED, "namespace": space}, "1") for space in asked))

    found = asked_of(answer, of=mesh(*(pod(SIDECAR, "cart-1", space) for space in spaces)))
    assert {ref.namespace for ref in found.proxies} == set(spaces) - {"ns4"}
    assert {gap.resource.partition(" (")[0] for gap in found.gaps} == {f"{what} in ns4" for what in ("use of proxies", "bytes", "requests")}  # fmt: skip
    assert {gap.reason for gap in found.gaps} == {GapReason.TOO_LARGE}


def test_every_metric_of_a_part_is_narrowed_to_it():
    asked = []

    def answer(query):
        asked.append(query)
        return heavy(query) if "_over_time" in query and "shop" not in query else healthy(query)

    assert asked_of(answer).proxies.keys() == {CART}
    narrowed = next(query for query in asked if "_over_time" in query and "shop" in query)
    assert narrowed.count("{") == narrowed.count('namespace=~"shop"')


def test_a_server_that_dies_in_the_middle_is_not_asked_for_every_part():
    asked = []

    def answer(query):
        asked.append(query)
        if "_over_time" not in query:
            return healthy(query)
        return heavy(query) if len(asked) < 4 else Answer(500)

    found = asked_of(answer)
    assert sum("_over_time" in query for query in asked) == 2
    assert [gap.reason for gap in found.gaps] == [GapReason.UNREACHABLE]
    assert found.requests_per_second == {CART: 7}


def test_a_partial_answer_is_kept():
    found = asked_of(lambda query: Answer(500) if "istio_" in query else healthy(query))
    assert found.proxies[CART].memory_bytes.p95 == 7
    assert {gap.resource.partition(" (")[0] for gap in found.gaps} == {"bytes", "requests"}


def test_figures_that_may_be_missing_cost_only_themselves():
    found = asked_of(lambda query: Answer(500) if "(max by (namespace, owner" in query else healthy(query))
    assert found.proxies[CART].per_proxy_memory_max is None
    assert found.proxies[CART].per_proxy_cpu_p95 is None
    assert found.proxies[CART].memory_bytes.max == 7
    assert {gap.resource.partition(" (")[0] for gap in found.gaps} == {"busiest proxies", "largest proxies"}


def test_owners_that_are_not_told_are_replaced_by_names():
    found = asked_of(lambda query: failure(422, "many-to-many") if "kube_pod_owner" in query else healthy(query))
    assert found.proxies.keys() == {CART}
    assert [gap.resource.partition(" (")[0] for gap in found.gaps] == ["owners of pods"]


def test_warnings_make_an_answer_partial_and_notes_do_not():
    told = ["receive series from store: unavailable", "PromQL info: metric might not be a counter"]

    def answer(query):
        return vector((OWNED, "7"), warnings=told) if "_over_time" in query else healthy(query)

    found = asked_of(answer)
    assert [(gap.reason, gap.detail) for gap in found.gaps] == [(GapReason.TRUNCATED, f"it warns: {told[0]}")]
    assert any(told[1] in remark.text for remark in found.remarks)


def test_clusters_in_one_store_are_told():
    def answer(query):
        if query.startswith("count by (namespace, cluster)"):
            return vector(*(({"namespace": "shop", "cluster": name}, "1") for name in ("a", "b")))
        return healthy(query)

    assert "added up over clusters a, b" in asked_of(answer).gaps[0].detail


def test_a_few_proxies_without_owner_are_counted():
    def answer(query):
        if query.startswith("count by (namespace, cluster)"):
            return vector(({"namespace": "shop"}, "100"))
        return vector(({"namespace": "shop"}, "97")) if query.startswith("count by") else healthy(query)

    assert "3 of 100 proxies have no owner" in asked_of(answer).gaps[0].detail


def test_passwords_and_tokens_are_never_shown(tmp_path):
    url = "http://user:geheim@127.0.0.1:9/prometheus"
    found = ask(url, headers=("Authorization: Basic geheim",))
    assert "geheim" not in f"{found}{PrometheusSource.access(url)!r}"
    (tmp_path / "token").write_text("geheim\ngeheim2\n")
    with pytest.raises(WorldError) as error:
        ask("http://127.0.0.1:9", token=str(tmp_path / "token"))
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"two words"])
def test_a_token_file_that_is_none(tmp_path, content):
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    with pytest.raises(WorldError, match="token file") as error:
        ask("http://127.0.0.1:9", token=str(token))
    assert error.value.remedy


def test_an_authority_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(WorldError, match="certificate authority"):
        ask("https://127.0.0.1:9", ca=str(tmp_path / "ca.pem"))
