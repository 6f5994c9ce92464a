"""Hashed names: nothing that names you is left, and everything still refers to what it did."""

import gzip
import json
import re

import msgspec
import pytest
from tests.support.manifests import NAMES, SECRET_VALUE, objects

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.model.ownership import parents, workload_of
from sidestep.semantics.proxies import recognise
from sidestep.semantics.waypoints import binding
from sidestep.sources.files import FilesSource
from sidestep.sources.snapshot import SnapshotSource, new_hash_key, write_snapshot
from sidestep.sources.snapshot.pseudonyms import Pseudonyms

KEY = b"k" * 32


def write(mesh: Mesh, path, key=KEY) -> str:
    write_snapshot(mesh, str(path), created="2026-01-01T00:00:00Z", tool_version="1", hash_key=key)
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture
def mesh(tmp_path) -> Mesh:
    path = tmp_path / "acme-cluster.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()}))
    return FilesSource([str(path)]).read()


@pytest.fixture
def content(mesh, tmp_path) -> str:
    return write(mesh, tmp_path / "x.sidestep")


@pytest.fixture
def hashed(content, tmp_path) -> Mesh:
    return SnapshotSource(str(tmp_path / "x.sidestep")).read()


@pytest.mark.parametrize("name", [*NAMES, SECRET_VALUE])
def test_no_name_is_left(content, name):
    found = re.search(re.escape(name), content)
    assert found is None, content[max(0, found.start() - 80) : found.end() + 80]


@pytest.mark.parametrize(
    "word",
    [
        "istio-injection",
        "enabled",
        "m5.large",
        "eu-west-1a",
        "istio-proxy",
        "proxyv2:1.24.1",
        "istio-waypoint",
        "ALLOW",
    ],
)
def test_words_with_a_meaning_stay(content, word):
    assert word in content


def test_the_key_is_not_in_the_file(content):
    assert KEY.hex() not in content
    assert KEY.decode() not in content


def test_counts_are_the_same(mesh, hashed):
    assert len(hashed.pods) == len(mesh.pods)
    assert {k: len(v) for k, v in hashed.resources.items()} == {k: len(v) for k, v in mesh.resources.items()}
    assert len(hashed.others) == len(mesh.others)
    assert hashed.skipped_secrets == mesh.skipped_secrets


def test_owner_chains_hold_with_and_without_the_replica_set(hashed):
    (deployment,) = hashed.of(kinds.DEPLOYMENT)
    for known in (parents(hashed), {}):
        workloads = {workload_of(pod, known) for pod in hashed.pods}
        assert {(w.kind, w.namespace, w.name) for w in workloads} == {
            ("Deployment", deployment.meta.namespace, deployment.meta.name)
        }


def test_selectors_still_select(hashed):
    labels = hashed.pods[0].shape.labels
    (service,) = hashed.of(kinds.SERVICE)
    (policy,) = hashed.of(kinds.AUTHORIZATION_POLICY)
    assert service.view.spec.selector.items() <= labels.items()
    assert policy.view.spec["selector"]["matchLabels"].items() <= labels.items()


def test_hosts_still_name_their_service(hashed):
    (service,) = hashed.of(kinds.SERVICE)
    spec = hashed.of(kinds.VIRTUAL_SERVICE)[0].view.spec
    assert spec["hosts"][0] == f"{service.meta.name}.{service.meta.namespace}.svc.cluster.local"
    assert spec["http"][0]["route"][0]["destination"]["host"] == service.meta.name
    assert spec["http"][0]["timeout"] == "2s"


def test_waypoint_labels_still_point_to_their_gateway(hashed):
    (service,) = hashed.of(kinds.SERVICE)
    found = binding(hashed, service.meta.labels, service.meta.namespace, "service")
    assert found is not None
    assert found.gateway is hashed.of(kinds.GATEWAY)[0]


def test_principals_still_name_the_namespace(hashed):
    rule = hashed.of(kinds.AUTHORIZATION_POLICY)[0].view.spec["rules"][0]
    (principal,) = rule["from"][0]["source"]["principals"]
    assert principal.startswith(f"cluster.local/ns/{hashed.pods[0].namespace}/sa/n-")
    assert rule["to"][0]["operation"]["methods"] == ["GET"]


def test_pods_still_stand_on_their_node(hashed):
    (node,) = hashed.of(kinds.NODE)
    assert {pod.node for pod in hashed.pods} == {node.meta.name}
    assert node.view.spec.provider_id.startswith("aws:///eu-west-1a/")


def test_pods_are_recognised_as_before(mesh, hashed):
    before, after = recognise(mesh.pods[0].shape), recognise(hashed.pods[0].shape)
    assert msgspec.structs.replace(before, proxy=None) == msgspec.structs.replace(after, proxy=None)
    assert after.proxy.requests == before.proxy.requests
    assert after.hbone


def test_the_same_key_gives_the_same_hashes_and_another_does_not(mesh, tmp_path, content):
    assert write(mesh, tmp_path / "again") == content
    other = write(mesh, tmp_path / "other", new_hash_key())
    assert not set(re.findall(r"n-[0-9a-f]{16}", content)) & set(re.findall(r"n-[0-9a-f]{16}", other))


def test_keys_are_fresh():
    assert new_hash_key() != new_hash_key()
    assert len(new_hash_key()) == 32


def test_addresses(mesh):
    names = Pseudonyms(KEY, mesh)
    assert names.text("10.1.2.3") == "10.1.2.3"
    assert names.text("192.168.0.0/16,10.0.0.0/8") == "192.168.0.0/16,10.0.0.0/8"
    assert names.text("0.0.0.0/0") == "0.0.0.0/0"
    assert names.text("8.8.8.8").startswith("24")
    assert "2a00" not in names.text("2a00:1450::1")
    assert names.text("fd00::1") == "fd00::1"


@pytest.mark.parametrize(
    "text", ["100m", "1.5Gi", "2s", "/api/v1", "envoy.filters.http.lua", "istio.io/gateway-controller"]
)
def test_plain_words_stay(mesh, text):
    assert Pseudonyms(KEY, mesh).text(text) == text
