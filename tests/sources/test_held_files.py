"""Files that are read again: what they make together is what a fresh reading makes, whatever happened to them."""

import os
import random
import shutil
import tarfile
from pathlib import Path

import pytest

from sidestep.errors import SidestepError
from sidestep.model.kinds import CONFIG_MAP
from sidestep.sources.files import FilesSource
from sidestep.sources.held_files import HeldFiles

SECOND = 1_000_000_000
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}, namespace: shop}}\ndata: {{said: '{1}'}}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}, namespace: shop}}\nspec: {{containers: [{{name: c, image: i{1}}}]}}\n"
POLICY = "apiVersion: security.istio.io/v{1}\nkind: AuthorizationPolicy\nmetadata: {{name: {0}, namespace: shop}}\n"
BROKEN, FOREIGN, SECRET = "a: [{0}{1}", "x: '{0}{1}'\n", "apiVersion: v1\nkind: Secret\nmetadata: {{name: {0}{1}}}\n"
WRONG = "apiVersion: v1\nkind: Service\nmetadata: {{name: {0}, namespace: shop}}\nspec: {{ports: {1}}}\n"
DOCUMENTS = (CONFIG, CONFIG, CONFIG, POD, POD, POLICY, BROKEN, FOREIGN, SECRET, WRONG)
PLACES = (
    "a.yaml", "b.yml", "x/c.yaml", "x/y/d.json", "x/kustomization.yaml", "Chart.yaml", "templates/t.yaml", "notes.txt",
    ".hidden/h.yaml", "z.tar",
)  # fmt: skip


class Folder:
    """Files below a folder, each write of which gets a time of its own, as it does where nobody writes at once."""

    def __init__(self, root: Path) -> None:
        self.root, self._time = root, 1_700_000_000
        root.mkdir()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.parent / f".{path.name}.scratch"
        if name.endswith(".tar"):
            (self.root / ".member.yaml").write_text(text)
            with tarfile.open(scratch, "w") as archive:
                archive.add(self.root / ".member.yaml", "member.yaml")
        else:
            scratch.write_text(text)
        self._time += 1
        os.utime(scratch, (self._time, self._time))
        scratch.replace(path)

    def tick(self) -> None:
        """Wait until a change gets another time than the ones before."""
        probe = self.root.parent / "probe"
        probe.touch()
        last = probe.stat().st_mtime_ns
        while probe.stat().st_mtime_ns == last:
            probe.touch()


class Changes:
    """Random changes of a folder: same seed, same changes."""

    def __init__(self, seed: int, folder: Folder) -> None:
        self._chance, self._folder = random.Random(seed), folder  # noqa: S311 - the same seed must make the same changes

    def one(self) -> None:
        self._folder.tick()
        path = self._folder.root / self._chance.choice(PLACES)
        act = self._chance.random()
        if act < 0.65:
            self._folder.write(str(path.relative_to(self._folder.root)), self._text())
        elif act < 0.8:
            path.unlink(missing_ok=True)
        elif act < 0.9 and path.exists():
            path.rename(self._folder.root / self._chance.choice(("c.yaml", "x.yaml", "0.json")))
        elif act < 0.95:
            shutil.rmtree(self._folder.root / "x", ignore_errors=True)
        elif not (self._folder.root / "link.yaml").is_symlink():
            (self._folder.root / "link.yaml").symlink_to(self._chance.choice(("a.yaml", "/etc/hostname", "none")))

    def _text(self) -> str:
        many = self._chance.randint(0, 3)
        chosen = (self._chance.choice(DOCUMENTS) for _ in range(many))
        return "---\n".join(each.format(self._chance.choice("pqr"), self._chance.randint(1, 9)) for each in chosen)


def outcome(read):
    """A mesh, or what is told in its place."""
    try:
        return read()
    except SidestepError as error:
        return str(error)


def again(held):
    return held.read(held.look())


@pytest.mark.parametrize("seed", range(30))
def test_what_is_held_is_what_a_fresh_reading_finds(seed, tmp_path):
    folder = Folder(tmp_path / "mesh")
    changes = Changes(seed, folder)
    paths = [str(folder.root), *([str(folder.root / "x")] if seed % 3 == 0 else [])]
    held = HeldFiles(paths)
    for _ in range(20):
        changes.one()
        assert outcome(lambda: again(held)) == outcome(FilesSource(paths).read)


@pytest.fixture
def folder(tmp_path) -> Folder:
    found = Folder(tmp_path / "mesh")
    found.write("a.yaml", CONFIG.format("one", 1))
    found.write("b.yaml", CONFIG.format("two", 1))
    return found


def held_of(folder: Folder, *more: str, at: int = 1_900_000_000) -> HeldFiles:
    """Long after every change, so that nothing may be hidden by its time."""
    return HeldFiles([str(folder.root), *more], lambda: at * SECOND)


def told(held: HeldFiles) -> list[str]:
    """What has changed, without the folders around it."""
    again(held)
    return [Path(each).name for each in held.changed]


def test_nothing_is_read_again_while_nothing_changes(folder):
    held = held_of(folder)
    mesh = again(held)
    assert held.holds(held.look())
    assert again(held) is mesh
    assert held.changed == ()


def test_only_what_has_changed_is_another_thing(folder):
    held = held_of(folder)
    before = again(held).of(CONFIG_MAP)
    folder.write("b.yaml", f"{CONFIG.format('two', 2)}---\n{CONFIG.format('three', 1)}")
    assert not held.holds(held.look())
    assert told(held) == ["b.yaml"]
    after = again(held).of(CONFIG_MAP)
    assert after[0] is before[0]
    assert [each.meta.name for each in after] == ["one", "two", "three"]


def test_what_is_written_anew_and_says_the_same_is_no_change(folder):
    held = held_of(folder)
    mesh = again(held)
    folder.write("b.yaml", CONFIG.format("two", 1))
    assert not held.holds(held.look())
    assert again(held) is mesh
    assert held.holds(held.look())


def test_a_document_that_moves_in_its_file_is_another_place(folder):
    held = held_of(folder)
    again(held)
    folder.write("a.yaml", f"# moved\n{CONFIG.format('one', 1)}")
    again(held)
    assert [each.origin.line for each in again(held).of(CONFIG_MAP)] == [2, 1]


def test_the_first_file_counts_and_when_it_goes_the_next_one_does(folder):
    folder.write("c.yaml", CONFIG.format("one", 9))
    held = held_of(folder)
    assert "which counts" in str(again(held).remarks)
    (folder.root / "a.yaml").unlink()
    mesh = again(held)
    assert [each.origin.path.rpartition("/")[2] for each in mesh.of(CONFIG_MAP)] == ["b.yaml", "c.yaml"]
    assert not mesh.remarks


def test_a_file_that_is_half_written_is_told_with_its_place_and_then_read(folder):
    held = held_of(folder)
    again(held)
    folder.write("b.yaml", "apiVersion: v1\nkind: [\n")
    (gap,) = again(held).gaps
    assert "b.yaml:" in gap.resource
    folder.write("b.yaml", CONFIG.format("two", 2))
    assert not again(held).gaps


def test_what_is_not_read_may_change_too(folder):
    held = held_of(folder)
    again(held)
    folder.write("kustomization.yaml", "resources: []\n")
    assert [gap.detail for gap in again(held).gaps] == ["a kustomization"]
    folder.write("Chart.yaml", "name: x\n")
    folder.write("templates/t.yaml", "a: 1\n")
    assert {gap.detail for gap in again(held).gaps} == {"a kustomization", "a Helm chart"}


def test_a_folder_that_goes_is_an_error_until_it_comes_again(folder, tmp_path):
    held = held_of(folder)
    again(held)
    folder.root.rename(tmp_path / "away")
    assert "no such file" in outcome(lambda: again(held))
    assert "no such file" in outcome(lambda: again(held))
    (tmp_path / "away").rename(folder.root)
    assert len(again(held).of(CONFIG_MAP)) == 2


def test_an_empty_folder_that_goes_is_an_error_though_no_file_went(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    held = held_of(folder, str(tmp_path / "empty"))
    again(held)
    (tmp_path / "empty").rmdir()
    assert "no such file" in outcome(lambda: again(held))
    assert held.changed == (str(tmp_path / "empty"),)


def test_nothing_at_all_is_an_error_and_no_mesh_of_before(folder):
    held = held_of(folder)
    again(held)
    for path in folder.root.iterdir():
        path.unlink()
    assert "no Kubernetes object found" in outcome(lambda: again(held))


def test_what_may_have_changed_right_after_it_was_read_is_read_once_more(folder):
    now = int((folder.root / "a.yaml").stat().st_ctime) * SECOND
    moments = [now]
    held = HeldFiles([str(folder.root)], lambda: moments[-1])
    mesh = again(held)
    assert held.holds(held.look())
    moments.append(now + 10 * SECOND)
    assert not held.holds(held.look())
    assert again(held) is mesh
    assert held.holds(held.look())
