"""Wrong types anywhere: the audit never crashes, and what it could not judge is told."""

import json

from hypothesis import given
from hypothesis import strategies as st
from tools.meshgen.build import build, objects
from tools.meshgen.config import Config

from sidestep.audit.audit import Request, audit
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.model.prices import PriceBook
from sidestep.report.formats import Look
from sidestep.report.json_document import render
from sidestep.sources.objects.builder import MeshBuilder

TREES = [json.loads(text) for _, texts in objects(build(Config(nodes=3, pods=6))) for text in texts]
BY_KIND = {tree["kind"]: tree for tree in TREES}
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
WRONG = VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(st.text(max_size=3), VALUES, max_size=2)


def paths(tree, here=()):
    """Every place in a tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield (*here, key)
        yield from paths(value, (*here, key))


def changed(tree, path, value):
    """The tree with another value in one place."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(tree[path[0]], path[1:], value)
    return copy


@st.composite
def meshes(draw):
    """A small cluster in which some objects have something else in some place."""
    trees = list(TREES)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(BY_KIND)))
        tree = BY_KIND[kind]
        path = draw(st.sampled_from(list(paths(tree))))
        trees.append(
            changed(changed(tree, path, draw(WRONG)), ("metadata",), draw(WRONG))
            if draw(st.booleans())
            else changed(tree, path, draw(WRONG))
        )
    return trees


@given(meshes())
def test_any_type_in_any_place(trees):
    builder = MeshBuilder()
    for tree in trees:
        builder.add(json.dumps(tree).encode(), FileOrigin("x"))
    mesh = builder.build(SourceInfo(SourceKind.FILES, "x"))
    found = audit(Request(mesh, PriceBook()))
    assert found.source.complete is (not mesh.gaps)
    assert json.loads(render(found, Look()))["kind"] == "Audit"


@given(st.data())
def test_unknown_fields_survive(data):
    tree = data.draw(
        st.sampled_from([BY_KIND[kind] for kind in ("Deployment", "AuthorizationPolicy", "HTTPRoute", "Service")])
    )
    extra = data.draw(st.dictionaries(st.text(min_size=1, max_size=8), WRONG, max_size=3))
    whole = {**tree, "spec": {**tree["spec"], "x-unknown": extra}, "x-top": extra}
    builder = MeshBuilder()
    builder.add(json.dumps(whole).encode(), FileOrigin("x"))
    mesh = builder.build(SourceInfo(SourceKind.FILES, "x"))
    ((resource,),) = mesh.resources.values()
    assert resource.tree() == whole
