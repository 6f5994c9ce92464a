"""What leaves the building, and what a damaged file says of itself."""

import gzip
import json
import stat
import zlib
from pathlib import Path

import msgspec
import pytest
from tests.support.manifests import SECRET_VALUE, labelled, objects

from sidestep.errors import WorldError
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import CONFIG_MAP, DEPLOYMENT, NODE, REPLICA_SET
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.sources.files import FilesSource
from sidestep.sources.snapshot import SnapshotSource, is_snapshot, write_snapshot

WHEN = "2026-01-01T00:00:00Z"


def read(tmp_path: Path, trees) -> Mesh:
    path = tmp_path / "in.json"
    path.write_text("\n".join(json.dumps(tree) for tree in trees))
    return FilesSource([str(path)]).read()


@pytest.fixture
def mesh(tmp_path) -> Mesh:
    return read(tmp_path, objects())


@pytest.fixture
def path(tmp_path, mesh) -> Path:
    path = tmp_path / "mesh.sidestep"
    write_snapshot(mesh, str(path), created=WHEN, tool_version="1.2.3")
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def rewrite(path: Path, content: bytes) -> str:
    path.write_bytes(gzip.compress(content))
    return str(path)


def error_of(path: Path) -> str:
    with pytest.raises(WorldError) as caught:
        SnapshotSource(str(path)).read()
    assert caught.value.where == str(path)
    assert caught.value.remedy
    return caught.value.message


def test_no_secret_leaves(path):
    content = gzip.decompress(path.read_bytes()).decode()
    assert SECRET_VALUE not in content
    assert "last-applied" not in content
    assert "DB_PASSWORD" in content


def test_the_proxy_keeps_what_tells_its_abilities(path):
    found = [line["object"] for line in lines(path)[1:-1] if line["object"]["kind"] == "Pod"]
    proxy = found[0]["spec"]["initContainers"][1]
    assert proxy["args"][:2] == ["proxy", "sidecar"]
    assert proxy["env"][0] == {"name": "ISTIO_META_ENABLE_HBONE", "value": "true"}
    assert proxy["env"][-1] == {"name": "CA_ADDR"}
    app = found[0]["spec"]["containers"][0]
    assert "args" not in app
    assert "command" not in app


def test_templates_are_sanitised_at_any_depth(path):
    tree = SnapshotSource(str(path)).read().of(DEPLOYMENT)[0].tree()
    container = tree["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "DB_PASSWORD"}, {"name": "REF"}]
    assert container["livenessProbe"] == {}
    assert tree["metadata"]["annotations"] == {"acme.test/owner": "jane.doe@acme.test"}


def test_reading_gives_the_same_evidence(mesh, path):
    again = SnapshotSource(str(path)).read()
    assert [pod.status for pod in again.pods] == [pod.status for pod in mesh.pods]
    assert [pod.origin for pod in again.pods] == [pod.origin for pod in mesh.pods]
    assert again.of(NODE) == mesh.of(NODE)
    assert again.of(REPLICA_SET)[0].meta == mesh.of(REPLICA_SET)[0].meta


def test_a_second_snapshot_is_the_same(tmp_path, path):
    again = SnapshotSource(str(path)).read()
    second = tmp_path / "second.sidestep"
    write_snapshot(again, str(second), created=WHEN, tool_version="1.2.3")
    assert lines(second)[1:] != []
    assert lines(second)[1:-1] == lines(path)[1:-1]


def test_config_maps_of_applications_stay(tmp_path):
    trees = [
        labelled("ConfigMap", "settings", data={"a": "b"}),
        labelled("ConfigMap", "istio", "istio-system", data={"mesh": "{}"}),
        labelled("ConfigMap", "cilium-config", "kube-system", data={"cni-exclusive": "true"}),
    ]
    path = tmp_path / "x.sidestep"
    write_snapshot(read(tmp_path, trees), str(path), created=WHEN, tool_version="1")
    assert [found.meta.name for found in SnapshotSource(str(path)).read().of(CONFIG_MAP)] == ["istio", "cilium-config"]
    assert SnapshotSource(str(path)).manifest().left_out == {"configmaps": 1}


def test_the_manifest_says_what_is_inside(path):
    manifest = lines(path)[0]
    assert (manifest["apiVersion"], manifest["kind"], manifest["formatVersion"]) == ("sidestep.dev/v1", "Snapshot", 1)
    assert (manifest["created"], manifest["toolVersion"], manifest["hashed"]) == (WHEN, "1.2.3", False)
    assert manifest["counts"]["pods"] == 2
    assert manifest["skippedSecrets"] == 1


def test_gaps_come_back(tmp_path, mesh):
    gap = Gap("pods", GapReason.FORBIDDEN, "no list", "grant it")
    path = tmp_path / "gaps.sidestep"
    write_snapshot(msgspec.structs.replace(mesh, gaps=(gap,)), str(path), created=WHEN, tool_version="1")
    assert SnapshotSource(str(path)).read().gaps == (gap,)


def test_a_snapshot_of_a_cluster_says_so_and_one_of_files_too(tmp_path, mesh, path):
    assert SnapshotSource(str(path)).read().source.kind is SourceKind.FILES
    cluster = msgspec.structs.replace(mesh, source=SourceInfo(SourceKind.CLUSTER, "prod", "uid", "v1.33", WHEN))
    write_snapshot(cluster, str(path), created="2026-02-02T00:00:00Z", tool_version="1")
    source = SnapshotSource(str(path)).read().source
    assert source == SourceInfo(SourceKind.SNAPSHOT, str(path), "uid", "v1.33", WHEN)


def test_only_the_owner_may_read_it_and_nothing_is_left_beside_it(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == ["in.json", "mesh.sidestep"]


def test_a_failed_write_leaves_the_old_file(path, mesh):
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_snapshot(mesh, str(path), created=object(), tool_version="1")  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["in.json", "mesh.sidestep"]


def test_a_folder_that_is_missing_is_an_error(tmp_path, mesh):
    with pytest.raises(WorldError, match="No such file"):
        write_snapshot(mesh, str(tmp_path / "none" / "x"), created=WHEN, tool_version="1")


def test_every_truncation_is_noticed(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert any(word in error_of(path) for word in ("truncated", "altered", "not a snapshot"))


def test_missing_lines_are_noticed(path):
    content = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    rewrite(path, b"".join(content[:-1]))
    assert "truncated" in error_of(path)
    rewrite(path, b"".join(content[:2] + content[3:]))
    assert "checksum" in error_of(path)


def test_every_altered_object_is_noticed(path):
    content = gzip.decompress(path.read_bytes())
    rewrite(path, content.replace(b'"replicas":2', b'"replicas":9'))
    assert "altered" in error_of(path)
    rewrite(path, content + b"{}\n")
    assert "altered" in error_of(path)


def test_flipped_bytes_are_noticed(path):
    whole = path.read_bytes()
    for at in range(12, len(whole) - 8, 101):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert same(path, whole) or error_of(path)


def same(path: Path, whole: bytes) -> bool:
    """A reference to an earlier text may by chance be flipped into one to an equal text: nothing is damaged then."""
    try:
        return gzip.decompress(path.read_bytes()) == gzip.decompress(whole)
    except (OSError, EOFError, zlib.error):
        return False


def test_a_newer_format_asks_for_a_newer_tool(path):
    content = gzip.decompress(path.read_bytes())
    rewrite(path, content.replace(b'"formatVersion":1', b'"formatVersion":2'))
    assert "newer sidestep" in error_of(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", gzip.compress(b"hello\n", mtime=0), gzip.compress(b'{"kind":"Pod"}\n', mtime=0)]
)
def test_other_files_are_no_snapshot(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_snapshot(str(path))
    assert error_of(path)


def test_a_snapshot_is_known_by_its_start(path, tmp_path):
    assert is_snapshot(str(path))
    assert not is_snapshot(str(tmp_path / "missing"))
    assert "No such file" in error_of(tmp_path / "missing")
