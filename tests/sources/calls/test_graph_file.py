"""Service graphs in Isotope's format."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import app, mesh, workload

from sidestep.errors import WorldError
from sidestep.model.call_graph import CallerRole, Evidence
from sidestep.model.gaps import GapReason
from sidestep.sources.calls.graph_file import GraphFileCalls

CANONICAL = """
defaults: {type: grpc, requestSize: 1 KB}
services:
- name: a
- {name: b, type: http, numReplicas: 3}
- name: c
  script: [{call: a}, {sleep: 10ms}, {call: {service: b, size: 10K}}]
- name: d
  isEntrypoint: true
  namespace: edge
  script:
  - - call: a
    - call: c
  - call: b
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, found=None):
        path = tmp_path / "graph.yaml"
        path.write_text(text)
        return GraphFileCalls(str(path), "shop").read(found or mesh())

    return reading


def told(graph):
    return {(edge.source.name or "?", edge.target.name, edge.protocol) for edge in graph.edges}


def test_scripts_name_who_is_called(read):
    graph = read(CANONICAL)
    assert told(graph) == {
        ("?", "d", "grpc"), ("c", "a", "grpc"), ("c", "b", "http"), ("d", "a", "grpc"), ("d", "c", "grpc"), ("d", "b", "http"),
    }  # fmt: skip
    assert {edge.evidence for edge in graph.edges} == {Evidence.GRAPH_FILE}
    assert {edge.requests_per_second for edge in graph.edges} == {None}
    assert graph.gaps == ()


def test_places_namespaces_and_kinds(read):
    found = mesh(*workload(app("c"), "c", "shop", "StatefulSet"))
    edges = {(edge.source.name, edge.target.name): edge for edge in read(CANONICAL, found).edges}
    edge = edges["d", "c"]
    assert (edge.source.namespace, edge.source.kind) == ("edge", "Deployment")
    assert (edge.target.namespace, edge.target.kind, edge.target.service) == ("shop", "StatefulSet", "c")
    assert edge.proofs[0].endswith("graph.yaml: services[3].script[0][1]")
    assert edges["", "d"].source.role is CallerRole.UNKNOWN


def test_a_script_for_all_who_have_none(read):
    text = "defaults: {script: [{call: a}]}\nservices: [{name: a, script: []}, {name: b}]"
    assert told(read(text)) == {("b", "a", "http")}


@pytest.mark.parametrize(
    ("services", "told_of"),
    [
        ("[{name: a, script: [{call: x}]}]", "services[0].script[0]: calls x, which is no service here"),
        ("[{name: a, script: [{call: [x]}]}]", "services[0].script[0]: calls nobody"),
        ("[{name: a, script: [[[{call: a}]]]}]", "services[0].script[0][0]: no command"),
        ("[{name: a, script: {call: a}}]", "services[0].script: no list"),
        ("[{name: a}, {name: a}]", "services[1]: twice a"),
        ("[{nam: a}, 7]", "services[0]: no name; services[1]: no name"),
    ],
)
def test_wrong_parts_are_named_and_the_rest_is_read(read, services, told_of):
    graph = read(f"services: {services[:-1]}, {{name: ok, script: [{{call: ok}}]}}]")
    assert ("ok", "ok", "http") in told(graph)
    (gap,) = graph.gaps
    assert gap.reason is GapReason.MALFORMED
    assert told_of in gap.detail


def test_many_wrong_parts_are_told_in_short(read):
    text = "services: [{name: a, script: [" + "{call: x}, " * 1_000 + "]}]"
    assert read(text).gaps[0].detail.endswith("and 997 more")


@pytest.mark.parametrize(
    "text", ["", "services: 3", "[]", "a: [", "\tx", "services: &a [*a]", "a: !!python/object:os.system x"]
)
def test_what_is_no_graph_is_refused_with_its_place(read, text):
    with pytest.raises(WorldError, match=r"graph\.yaml"):
        read(text)


def test_bytes_that_are_no_text_and_a_missing_file(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_bytes(b"services: \xff\xfe")
    with pytest.raises(WorldError, match="graph"):
        GraphFileCalls(str(path)).read(mesh())
    with pytest.raises(WorldError, match="No such file"):
        GraphFileCalls(str(tmp_path / "no")).read(mesh())


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "script", "call", "service", "type", "namespace", "isEntrypoint"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(st.lists(ODD, max_size=4), ODD)
def test_services_of_any_form_are_no_accident(tmp_path_factory, services, defaults):
    path = tmp_path_factory.mktemp("graph") / "graph.yaml"
    path.write_text(yaml.safe_dump({"services": services, "defaults": defaults}))
    GraphFileCalls(str(path)).read(mesh())
