"""Archives are read where they are: nothing is unpacked, nothing hostile is followed."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from sidestep.model.gaps import GapReason
from sidestep.model.kinds import NAMESPACE, POD
from sidestep.sources import archive
from sidestep.sources.files import FilesSource

PODS = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a, namespace: shop}\n- metadata: {name: b, namespace: shop}\n"


def manifest(name: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


def tar(path: Path, members: dict[str, str], mode: str = "w:gz", extra: tuple[tarfile.TarInfo, ...] = ()) -> str:
    with tarfile.open(path, mode) as out:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content.encode()))
        for info in extra:
            out.addfile(info)
    return str(path)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def names(mesh) -> list[str]:
    return [found.meta.name for found in mesh.of(NAMESPACE)]


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.xz", "w:xz")]
)
def test_a_must_gather(tmp_path, suffix, mode):
    members = {
        "must-gather/namespaces/shop/core/pods.yaml": PODS,
        "must-gather/cluster-scoped-resources/core/namespaces/shop.yaml": manifest("shop"),
        "must-gather/namespaces/shop/pods/a/logs/current.log": "error: nothing",
        "must-gather/version": "4.16",
    }
    path = tar(tmp_path / f"gather{suffix}", members, mode)
    mesh = FilesSource([path]).read()
    assert [pod.name for pod in mesh.pods] == ["a", "b"]
    assert str(mesh.pods[1].origin) == f"{path}!must-gather/namespaces/shop/core/pods.yaml:5"
    assert names(mesh) == ["shop"]
    assert mesh.complete
    assert [remark.text.split()[0] for remark in mesh.remarks] == ["2"]


def test_a_bug_report_whose_files_have_no_suffix(tmp_path):
    members = {
        "bug-report/cluster/k8s-resources": PODS.replace("PodList", "List").replace(
            "- metadata", "- apiVersion: v1\n  kind: Pod\n  metadata"
        ),
        "bug-report/cluster/cluster-context": "kind-kind",
        "bug-report/istio/istio-system/istiod-1/istiod.log": "info apiVersion",
    }
    mesh = FilesSource([tar(tmp_path / "bug-report.tar.gz", members)]).read()
    assert len(mesh.pods) == 2
    assert mesh.complete


def test_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("x/a.yaml", manifest("a"))
        out.writestr("../escape.yaml", manifest("evil"))
        link = zipfile.ZipInfo("link.yaml")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "/etc/passwd")
    mesh = FilesSource([str(path)]).read()
    assert names(mesh) == ["a"]
    assert len([remark for remark in mesh.remarks if "refused" in remark.text]) == 2


@pytest.mark.parametrize("name", ["../evil.yaml", "/etc/evil.yaml", "a/../../evil.yaml", "a\\..\\evil.yaml"])
def test_names_that_leave_the_archive_are_refused(tmp_path, name):
    mesh = FilesSource([tar(tmp_path / "x.tar", {"a.yaml": manifest("a"), name: manifest("evil")}, "w")]).read()
    assert names(mesh) == ["a"]
    assert any("refused" in remark.text for remark in mesh.remarks)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.tar"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    extra = (special("link.yaml", kind, "a.yaml"),)
    mesh = FilesSource([tar(tmp_path / "x.tgz", {"a.yaml": manifest("a")}, extra=extra)]).read()
    assert names(mesh) == ["a"]
    assert any("refused" in remark.text for remark in mesh.remarks)


def test_what_expands_beyond_reason_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 10_000)
    bomb = "# " + "x" * 50_000
    for path in (tar(tmp_path / "x.tgz", {"a.yaml": manifest("a"), "b.yaml": bomb}), str(tmp_path / "x.zip")):
        if path.endswith(".zip"):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
                out.writestr("a.yaml", manifest("a"))
                out.writestr("b.yaml", bomb)
        mesh = FilesSource([path]).read()
        assert names(mesh) == ["a"]
        assert [gap.reason for gap in mesh.gaps] == [GapReason.TOO_LARGE]


def test_a_truncated_archive_keeps_what_was_read(tmp_path):
    path = Path(tar(tmp_path / "x.tar", {f"{n}.yaml": manifest(f"n{n}") for n in range(30)}, "w"))
    path.write_bytes(path.read_bytes()[:10_000])
    mesh = FilesSource([str(path)]).read()
    assert names(mesh) == [f"n{n}" for n in range(len(names(mesh)))]
    assert names(mesh)
    assert [gap.reason for gap in mesh.gaps] == [GapReason.TRUNCATED]


@pytest.mark.parametrize("name", ["x.tgz", "x.zip", "x.tar"])
@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04" + b"\0" * 50, b"\x1f\x8b" + b"\0" * 50])
def test_damage_is_a_gap(tmp_path, name, content):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    (tmp_path / name).write_bytes(content)
    mesh = FilesSource([str(tmp_path)]).read()
    assert names(mesh) == ["a"]
    assert len(mesh.gaps) == 1


def test_secrets_in_archives_are_counted_only(tmp_path):
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {p: aHVudGVyMg==}\n"
    mesh = FilesSource([tar(tmp_path / "x.tgz", {"s.yaml": secret})]).read()
    assert mesh.skipped_secrets == 1
    assert "aHVudGVyMg" not in repr(mesh)
    assert POD.key not in mesh.resources
