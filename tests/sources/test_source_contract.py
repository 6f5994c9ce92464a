"""What every door of a mesh must keep to, run against each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.manifests import SECRET_VALUE, objects

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.model.ownership import parents, workload_of
from sidestep.sources.files import FilesSource
from sidestep.sources.interface import Progress, Source
from sidestep.sources.snapshot import SnapshotSource, write_snapshot

Door = Callable[[list[dict[str, Any]]], Source]


def _file(tmp_path: Path, trees: list[dict[str, Any]]) -> str:
    path = tmp_path / "mesh.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": trees}))
    return str(path)


def files_door(tmp_path: Path) -> Door:
    return lambda trees: FilesSource([_file(tmp_path, trees)])


def yaml_door(tmp_path: Path) -> Door:
    def source(trees: list[dict[str, Any]]) -> Source:
        for number, tree in enumerate(trees):
            (tmp_path / f"{number:03}.yaml").write_text(json.dumps(tree, indent=1).replace("{", "{ "))
        return FilesSource([str(tmp_path)])

    return source


def snapshot_door(tmp_path: Path) -> Door:
    def source(trees: list[dict[str, Any]]) -> Source:
        mesh = FilesSource([_file(tmp_path, trees)]).read()
        path = str(tmp_path / "mesh.sidestep")
        write_snapshot(mesh, path, created="2026-01-01T00:00:00Z", tool_version="1")
        return SnapshotSource(path)

    return source


DOORS = {"files": files_door, "folder": yaml_door, "snapshot": snapshot_door}


@pytest.fixture(params=DOORS)
def door(request, tmp_path) -> Door:
    return DOORS[request.param](tmp_path)


@pytest.fixture
def mesh(door) -> Mesh:
    return door(objects()).read()


def test_counts_every_kind(mesh):
    assert len(mesh.pods) == 2
    assert {key: len(found) for key, found in mesh.resources.items()} == {
        "namespaces": 1,
        "nodes": 1,
        "deployments.apps": 1,
        "replicasets.apps": 1,
        "services": 1,
        "gateways.gateway.networking.k8s.io": 1,
        "virtualservices.networking.istio.io": 1,
        "authorizationpolicies.security.istio.io": 1,
        "configmaps": 1,
    }
    assert [str(other.id) for other in mesh.others] == ["Widget shop/gizmo"]


def test_counts_secrets_and_carries_nothing_of_them(mesh):
    assert mesh.skipped_secrets == 1
    assert not [r for found in mesh.resources.values() for r in found if r.kind == "Secret"]
    assert not [r for r in mesh.others if r.kind == "Secret"]


def test_keeps_unknown_fields_of_what_may_be_rewritten(mesh):
    (deployment,) = mesh.of(kinds.DEPLOYMENT)
    assert deployment.tree()["spec"]["unknownToUs"] == {"kept": [1, 2.5, None, "x"]}
    (routes,) = mesh.of(kinds.VIRTUAL_SERVICE)
    assert routes.tree()["spec"] == objects()[8]["spec"]


def test_follows_owners_to_the_top(mesh):
    known = parents(mesh)
    assert {str(workload_of(pod, known)) for pod in mesh.pods} == {"Deployment shop/checkout"}


def test_reads_pods_whole(mesh):
    first, second = mesh.pods
    proxy = first.shape.spec.init_containers[1]
    assert (first.name, first.node, first.status.ready) == (
        "checkout-6b9f7c-aaaaa",
        "ip-10-0-1-2.acme-internal.test",
        True,
    )
    assert (first.deleting, second.deleting) == (False, True)
    assert proxy.is_native_sidecar
    assert proxy.requests.cpu_millis == 100
    assert first.shape is second.shape


def test_order_is_the_same_each_time(door):
    source = door(objects())
    once, again = source.read(), source.read()
    assert once.pods == again.pods
    assert once.resources == again.resources


def test_says_what_it_could_not_read(door):
    broken = objects()[2]
    broken["spec"]["replicas"] = "many"
    found = door([*objects()[:2], broken]).read()
    assert not found.complete
    assert "replicas" in found.gaps[0].detail
    assert not found.of(kinds.DEPLOYMENT)
    assert [other.kind for other in found.others] == ["Deployment"]


def test_reports_progress(door):
    heard: list[Progress] = []
    door(objects()).read(heard.append)
    assert heard


def test_a_files_secret_stands_nowhere_in_the_mesh(door):
    only_secret = [t for t in objects() if t["kind"] in ("Secret", "Namespace")]
    assert SECRET_VALUE not in repr(door(only_secret).read())


def test_every_object_knows_its_origin(mesh):
    everything = [*mesh.pods, *(r for found in mesh.resources.values() for r in found), *mesh.others]
    assert all(str(each.origin) for each in everything)
    assert len(msgspec.json.encode([each.origin for each in everything])) > 2
