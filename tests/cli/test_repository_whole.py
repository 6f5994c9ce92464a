"""From a folder to the same folder with its objects changed: read, placed, written."""

import difflib
import shutil

from sidestep.cli.repository import write_repository
from sidestep.convert.repository.place import place
from sidestep.convert.repository.values import Repository
from sidestep.convert.rewrite import Change, ChangeKind
from sidestep.model.kinds import SERVICE, VIRTUAL_SERVICE
from sidestep.sources.files import FilesSource
from sidestep.sources.repository import read_repository, texts


def test_objects_of_a_real_folder_change_and_go(corpus, tmp_path):
    folder = tmp_path / "bookinfo"
    shutil.copytree(corpus / "bookinfo", folder, copy_function=shutil.copyfile)
    for path in (folder / "networking").iterdir():
        if path.name != "virtual-service-all-v1.yaml":  # the others say the same objects again
            path.unlink()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    mesh = FilesSource([str(folder)]).read()
    services, routes = mesh.of(SERVICE), mesh.of(VIRTUAL_SERVICE)
    assert services
    assert routes
    contents = read_repository(folder)
    standing = {each.id: each for each in (*services, *routes)}
    changes = [labelled(each) for each in services]
    changes += [Change(ChangeKind.REMOVE, each.id, None, each.id, "SID301") for each in routes]
    placed = place(Repository(texts(contents)), changes, standing.get)
    assert not placed.unplaced
    new = {path: None if text is None else text.encode() for path, text in placed.files.items()}
    told = write_repository(folder, contents, new, force=True)
    assert told.changed
    assert told.removed
    again = FilesSource([str(folder)]).read()
    by_id = {each.id: each for each in again.of(SERVICE)}
    assert all(by_id[change.object].tree() == change.manifest for change in changes if change.manifest)
    assert not {each.id for each in again.of(VIRTUAL_SERVICE)} & {each.id for each in routes}
    for path in told.changed:
        before, after = contents[path].decode().splitlines(), new[path].decode().splitlines()
        gone = [line for line in difflib.ndiff(before, after) if line.startswith("- ")]
        assert not gone or "VirtualService" in contents[path].decode()


def labelled(resource):
    tree = resource.tree()
    tree["metadata"]["labels"] = {**tree["metadata"].get("labels", {}), "istio.io/use-waypoint": "shop"}
    return Change(ChangeKind.REPLACE, resource.id, tree, resource.id, "SID301")
