"""What a user may name: folders, files, pipes; and what must be rendered first."""

import gzip
import io
import json
import os
from pathlib import Path

import pytest

from sidestep.errors import WorldError
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import CONFIG_MAP, NAMESPACE, VIRTUAL_SERVICE
from sidestep.sources.files import FilesSource
from sidestep.sources.interface import Progress
from sidestep.sources.tree import STAGED


def manifest(name: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(*paths: object, stdin: bytes = b"") -> list[str]:
    return [found.meta.name for found in read(*paths, stdin=stdin).of(NAMESPACE)]


def read(*paths: object, stdin: bytes = b""):
    return FilesSource([str(path) for path in paths], io.BytesIO(stdin)).read()


def test_a_tree_is_read_in_the_order_of_names(tmp_path):
    for name in ("b/z.yaml", "b/a.yml", "a/c.json", "d.jsonl", "e.yaml.gz"):
        text = manifest(name[2:3] if "/" in name else name[0])
        content = (
            json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name[0]}})
            if "json" in name
            else text
        )
        write(tmp_path / name, gzip.compress(content.encode()) if name.endswith("gz") else content)
    assert names(tmp_path) == ["d", "e", "a", "z"]


def test_hidden_folders_and_other_files_are_left_out(tmp_path):
    write(tmp_path / "a.yaml", manifest("a"))
    write(tmp_path / ".git" / "b.yaml", manifest("b"))
    write(tmp_path / "notes.md", manifest("c"))
    assert names(tmp_path) == ["a"]


def test_a_file_that_is_named_is_read_whatever_it_is_called(tmp_path):
    assert names(write(tmp_path / "dump", manifest("a"))) == ["a"]
    assert names(write(tmp_path / "zipped", gzip.compress(manifest("a").encode()))) == ["a"]


def test_stdin():
    assert names("-", stdin=manifest("a").encode()) == ["a"]
    assert names("-", stdin=gzip.compress(manifest("a").encode())) == ["a"]
    assert names("-", stdin=b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"j"}}') == ["j"]


def test_origins_read_as_the_user_typed_them(tmp_path, monkeypatch):
    write(tmp_path / "in" / "a.yaml", "---\n" + manifest("a"))
    monkeypatch.chdir(tmp_path)
    assert str(read("in").of(NAMESPACE)[0].origin) == "in/a.yaml:2"
    assert str(read("-", stdin=manifest("a").encode()).of(NAMESPACE)[0].origin) == "-:1"


def test_the_first_of_two_counts_and_both_are_named(tmp_path):
    write(tmp_path / "a.yaml", manifest("same").replace("}", ", labels: {from: a}}"))
    write(tmp_path / "b.yaml", manifest("same").replace("}", ", labels: {from: b}}"))
    mesh = read(tmp_path)
    assert [found.meta.labels for found in mesh.of(NAMESPACE)] == [{"from": "a"}]
    (remark,) = mesh.remarks
    assert "b.yaml" in remark.where
    assert "a.yaml" in remark.text


def test_what_is_no_kubernetes_object_is_counted_and_no_gap(tmp_path):
    write(tmp_path / "a.yaml", manifest("a"))
    write(tmp_path / "values.yaml", "replicas: 2\n---\nx: y\n")
    write(tmp_path / "package.json", '{"name": "x"}')
    mesh = read(tmp_path)
    assert mesh.complete
    assert sorted(remark.text.split()[0] for remark in mesh.remarks) == ["1", "2"]


def test_a_chart_is_named_once_and_its_neighbours_are_read(tmp_path):
    write(tmp_path / "chart" / "Chart.yaml", "apiVersion: v2\nname: x\n")
    write(tmp_path / "chart" / "templates" / "a.yaml", "{{ if .Values.x }}\n" + manifest("t"))
    write(tmp_path / "chart" / "templates" / "b.yaml", "{{ end }}\n")
    write(tmp_path / "a.yaml", manifest("a"))
    mesh = read(tmp_path)
    (gap,) = mesh.gaps
    assert gap.reason is GapReason.UNSUPPORTED
    assert "helm template" in gap.remedy
    assert [found.meta.name for found in mesh.of(NAMESPACE)] == ["a"]


def test_a_kustomization_is_named_once_and_its_resources_are_read(tmp_path):
    write(tmp_path / "base" / "kustomization.yaml", "resources: [a.yaml]\n")
    write(tmp_path / "base" / "a.yaml", manifest("a"))
    mesh = read(tmp_path)
    (gap,) = mesh.gaps
    assert gap.reason is GapReason.UNSUPPORTED
    assert "kustomize" in gap.remedy
    assert [found.meta.name for found in mesh.of(NAMESPACE)] == ["a"]


def test_links_stay_inside(tmp_path):
    write(tmp_path / "outside" / "secret.yaml", manifest("outside"))
    home = tmp_path / "home"
    write(home / "a.yaml", manifest("a"))
    (home / "leaving.yaml").symlink_to(tmp_path / "outside" / "secret.yaml")
    (home / "dangling.yaml").symlink_to(home / "nothing.yaml")
    (home / "loop").symlink_to(home)
    (home / "leaving").symlink_to(tmp_path / "outside")
    mesh = read(home)
    assert [found.meta.name for found in mesh.of(NAMESPACE)] == ["a"]
    left = {Path(remark.where).name for remark in mesh.remarks if "leaves the folder" in remark.text}
    assert left == {"leaving.yaml", "dangling.yaml", "leaving"}


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(WorldError, match="no such file"):
        read(tmp_path / "none")


@pytest.mark.parametrize("content", ["", "x: 1\n", "just text", "[]", "{}"])
def test_nothing_readable_is_an_error_that_names_the_paths(tmp_path, content):
    path = write(tmp_path / "a.yaml", content)
    with pytest.raises(WorldError, match="no Kubernetes object") as caught:
        read(path)
    assert str(path) in caught.value.where


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_gap(tmp_path):
    write(tmp_path / "a.yaml", manifest("a"))
    write(tmp_path / "b.yaml", manifest("b")).chmod(0)
    mesh = read(tmp_path)
    assert [gap.reason for gap in mesh.gaps] == [GapReason.FORBIDDEN]


@pytest.mark.parametrize("cut", [15, 40, 60])
def test_a_truncated_gzip_is_a_gap(tmp_path, cut):
    write(tmp_path / "a.yaml", manifest("a"))
    whole = gzip.compress("".join(f"---\n{manifest(f'n{n}')}" for n in range(50)).encode())
    write(tmp_path / "b.yaml.gz", whole[:cut])
    mesh = read(tmp_path)
    assert GapReason.TRUNCATED in {gap.reason for gap in mesh.gaps}
    assert mesh.of(NAMESPACE)[0].meta.name == "a"


def test_progress_counts_bytes(tmp_path):
    path = write(tmp_path / "a.yaml", "---\n".join(manifest(f"n{n}") for n in range(3000)))
    heard: list[Progress] = []
    FilesSource([str(path)]).read(heard.append)
    assert len(heard) > 2
    assert [p.done for p in heard] == sorted(p.done for p in heard)
    assert heard[-1] == Progress(str(path), path.stat().st_size, path.stat().st_size, "bytes")


def listed(*items: str) -> str:
    return '{{"apiVersion": "v1", "kind": "List", "items": [{}]}}'.format(", ".join(items))


def space(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_lists_within_lists_are_read_in_order(tmp_path, suffix):
    nested = listed(space("a"), listed(space("b"), listed(), listed(space("c"))), space("d"))
    assert names(write(tmp_path / f"a.{suffix}", nested)) == ["a", "b", "c", "d"]


def test_what_only_looks_like_a_list_is_an_object(tmp_path):
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"kind": "List", "items": "x"},
    }
    assert len(read(write(tmp_path / "a.json", json.dumps(config))).of(CONFIG_MAP)) == 1


@pytest.mark.parametrize(
    ("version", "told"),
    [("networking.istio.io/v7", 1), ("networking.istio.io/v1alpha3", 0), ("networking.istio.io/v1", 0)],
)
def test_a_version_that_nobody_knows_is_told_once(tmp_path, version, told):
    tree = f"apiVersion: {version}\nkind: VirtualService\nmetadata: {{name: %s}}\nspec: {{}}\n"
    mesh = read(write(tmp_path / "a.yaml", "---\n".join(tree % name for name in "ab")))
    assert [each.where for each in mesh.remarks] == [f"{tmp_path}/a.yaml:1"] * told
    assert all("read as networking.istio.io/v1" in each.text for each in mesh.remarks)
    assert len(mesh.of(VIRTUAL_SERVICE)) == 2


@pytest.mark.parametrize(("version", "kind"), [("v1", "Status"), ("meta.k8s.io/v1", "Table")])
def test_an_answer_without_objects_is_no_empty_mesh(tmp_path, version, kind):
    write(tmp_path / "dump.json", f'{{"apiVersion": "{version}", "kind": "{kind}", "rows": [], "code": 403}}')
    with pytest.raises(WorldError, match="no objects"):
        FilesSource((str(tmp_path / "dump.json"),)).read()


def test_who_edits_files_is_given_what_each_document_says_that_is_one_object(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    secret = "---\nkind: Secret\napiVersion: v1\nmetadata: {name: s}\ndata: {password: c2VjcmV0}\n"
    listed = "---\n- {kind: Service, apiVersion: v1, metadata: {name: b}}\n"
    path.write_text(f"kind: Service\napiVersion: v1\nmetadata: {{name: a, labels: null}}\n{secret}{listed}")
    documents: dict[tuple[str, int], bytes] = {}
    FilesSource([str(tmp_path)], documents=documents).read()
    assert {at: json.loads(raw) for at, raw in documents.items()} == {
        (str(path), 1): {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a", "labels": None}}
    }


def test_an_edit_that_was_cut_off_is_told_to_whoever_reads(tmp_path):
    write(tmp_path / "a.yaml", manifest("a"))
    assert not read(tmp_path).gaps
    write(tmp_path / STAGED, "{}")
    (gap,) = read(tmp_path).gaps
    assert (gap.resource, gap.reason) == (str(tmp_path), GapReason.TRUNCATED)
    assert "convert --in-place" in gap.detail
    assert str(tmp_path) in gap.remedy
    assert names(tmp_path) == ["a"]


def test_a_folder_of_links_that_leave_it_says_so(tmp_path):
    outside = write(tmp_path / "outside.yaml", manifest("a"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "all.yaml").symlink_to(outside)
    with pytest.raises(WorldError, match=r"no Kubernetes object found \(.*all.yaml: a link that leaves the folder"):
        read(tmp_path / "home")


def test_an_empty_pipe_points_at_the_command_before_it():
    with pytest.raises(WorldError) as caught:
        read("-")
    assert "before the pipe" in caught.value.remedy
