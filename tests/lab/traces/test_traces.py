"""Spans on their way: from headers and OTLP into files, and out of them as traces."""

import asyncio

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sidestep.lab.traces.files import SpanFile, kept
from sidestep.lab.traces.otlp import METHOD, PATHS, received
from sidestep.lab.traces.spans import Context, Span, SpanKind, context_of
from sidestep.lab.traces.traces import traces

TRACE, ONE, TWO, THREE = "a" * 32, "1" * 16, "2" * 16, "3" * 16


def span(own, parent="", start=0, end=10, trace=TRACE, **more):
    return Span(trace, own, f"of {own[0]}", SpanKind.SERVER, "cart.shop", start * 10**6, end * 10**6, parent, **more)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-{ONE}-01", Context(TRACE, ONE)), (f"00-{TRACE}-{ONE}-00", Context(TRACE, ONE, sampled=False)),
        (f"cc-{TRACE}-{ONE}-03-more", Context(TRACE, ONE)), (f"00-{'0' * 32}-{ONE}-01", None), (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{ONE}", None), ("nonsense", None), ("", None), (f"00-{TRACE.upper()}-{ONE}-01", None),
    ],
)  # fmt: skip
def test_headers(header, expected):
    assert context_of(header) == expected


def test_a_header_that_is_written_is_read_again():
    for sampled in (True, False):
        assert context_of(Context(TRACE, ONE, sampled).header(TWO)) == Context(TRACE, TWO, sampled)


def test_spans_stand_within_each_other_in_the_order_of_time():
    rows = traces([span(THREE, ONE, 5, 8), span(TWO, ONE, 2, 4), span(ONE, start=1, end=9)])[0]
    assert rows.whole
    assert [(each.depth, each.name, each.offset, each.milliseconds) for each in rows.rows] == [
        (0, "of 1", 0, 8), (1, "of 2", 1, 2), (1, "of 3", 4, 3),
    ]  # fmt: skip
    assert rows.milliseconds == 8


def test_a_span_whose_parent_is_not_there_is_shown_as_such():
    found = traces([span(ONE), span(TWO, THREE)])[0]
    assert not found.whole
    assert [each.orphan for each in found.rows] == [False, True]
    alone = traces([span(TWO, THREE)])[0]
    assert (alone.whole, alone.rows[0].orphan) == (False, True)


def test_a_span_that_is_its_own_parent_or_a_circle_ends():
    assert len(traces([span(ONE, ONE)])[0].rows) == 1
    assert not traces([span(ONE, TWO), span(TWO, ONE)])[0].whole


def test_traces_come_the_newest_first():
    found = traces([span(ONE, start=1), span(ONE, start=5, trace="b" * 32)])
    assert [each.id[0] for each in found] == ["b", "a"]


def request():
    told = ExportTraceServiceRequest()
    resource = told.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "web.shop"
    made = getattr(resource, resource.DESCRIPTOR.fields_by_number[2].name).add().spans.add(
        trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(ONE), parent_span_id=bytes.fromhex(TWO), name="ingress", kind=2,
        start_time_unix_nano=5, end_time_unix_nano=9,
    )  # fmt: skip
    made.status.code = 2
    made.attributes.add(key="http.status_code").value.int_value = 503
    return told.SerializeToString()


@pytest.mark.parametrize("path", PATHS)
def test_otlp(path):
    body = request()
    framed = b"\x00" + len(body).to_bytes(4, "big") + body
    found = received(path, framed if path == METHOD else body)
    assert found == [Span(TRACE, ONE, "ingress", SpanKind.SERVER, "web.shop", 5, 9, TWO, True, {"http.status_code": "503"})]  # fmt: skip


def test_what_is_no_otlp_is_refused():
    with pytest.raises(ValueError, match="OTLP"):
        received(PATHS[1], b"\xff\xff")
    assert received(METHOD, b"\x00\x00\x00\x00\xff cut") == []


def written(folder, spans, **more):
    async def run():
        file = SpanFile(folder, "node", **more)
        for each in spans:
            file.keep([each])
            file.write()

    asyncio.run(run())


def test_files_keep_what_was_last(tmp_path):
    folder = tmp_path / "spans"
    assert kept(folder) == []
    written(folder, [span(ONE), span(TWO)])
    (folder / "else.spans").write_bytes(b"no JSON\n")
    assert {each.id for each in kept(folder)} == {ONE, TWO}


def test_what_waits_can_be_had_written_at_once(tmp_path):
    async def run():
        file = SpanFile(tmp_path, "node")
        file.keep([span(ONE)])
        before = kept(tmp_path)
        file.write()
        after = kept(tmp_path)
        file.keep([span(TWO)])
        file.write()
        return len(before), len(after), len(kept(tmp_path))

    assert asyncio.run(run()) == (0, 1, 2)


def test_files_do_not_grow_beyond_a_bound(tmp_path):
    many = [span(f"{number:016x}") for number in range(1, 200)]
    written(tmp_path, many, limit=2000)
    sizes = [each.stat().st_size for each in tmp_path.iterdir()]
    found = {each.id for each in kept(tmp_path)}
    assert max(sizes) < 2500
    assert many[-1].id in found
    assert many[0].id not in found
