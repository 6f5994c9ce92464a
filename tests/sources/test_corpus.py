"""Real manifests that nobody here wrote: all of them are read, and what is left out is named."""

import os
from collections import Counter
from pathlib import Path

import pytest

from sidestep.model.kinds import DEPLOYMENT, SERVICE
from sidestep.sources.files import FilesSource
from sidestep.sources.snapshot import SnapshotSource, write_snapshot

CORPUS = Path(os.environ.get("SIDESTEP_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")


def manifests() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix in (".yaml", ".injected"))


def declared_kinds(path: Path) -> Counter[str]:
    """Kinds as the text has them at the start of a line, which is how all of these files are written."""
    lines = path.read_text().splitlines()
    return Counter(line.removeprefix("kind:").strip(" \"'") for line in lines if line.startswith("kind:"))


@pytest.mark.parametrize("path", manifests() if CORPUS.is_dir() else [], ids=lambda path: path.name)
def test_every_object_of_a_file_is_in_the_mesh_or_named(path, tmp_path):
    (tmp_path / "anchor.yaml").write_text("apiVersion: v1\nkind: Anchor\nmetadata: {name: x}\n")
    mesh = FilesSource([str(tmp_path / "anchor.yaml"), str(path)]).read()
    if mesh.gaps:
        assert path.name == "network-policies.yaml"
        return
    found = Counter(r.kind for group in mesh.resources.values() for r in group) + Counter(o.kind for o in mesh.others)
    found["Pod"] = len(mesh.pods)
    found["Secret"] = mesh.skipped_secrets
    declared = declared_kinds(path)
    if "List" in declared:
        return
    twice = sum("which counts" in remark.text for remark in mesh.remarks)
    assert sum(found.values()) == sum(declared.values()) + 1 - twice
    assert twice or +found == declared + Counter(Anchor=1)


def test_the_whole_corpus_is_read_and_comes_back_from_a_snapshot(tmp_path):
    mesh = FilesSource([str(CORPUS)]).read()
    assert len(mesh.of(DEPLOYMENT)) > 40
    assert len(mesh.of(SERVICE)) > 30
    assert {gap.resource.split("/")[-1].split(":")[0] for gap in mesh.gaps} == {"network-policies.yaml"}
    for key in (None, b"k" * 32):
        path = str(tmp_path / "corpus.sidestep")
        write_snapshot(mesh, path, created="2026-01-01T00:00:00Z", tool_version="1", hash_key=key)
        again = SnapshotSource(path).read()
        assert len(again.gaps) == len(mesh.gaps)
        assert {k: len(v) for k, v in again.resources.items() if k != "configmaps"} == {
            k: len(v) for k, v in mesh.resources.items() if k != "configmaps"
        }
