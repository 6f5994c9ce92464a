"""Kustomizations: what they take in, and the ways on which a file goes through them.

Fields: Kustomize's reference, kustomization file (`resources`, `components`, `patches`, `patchesStrategicMerge`,
`patchesJson6902`, `namePrefix`, `nameSuffix`, `namespace`).
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from sidestep.convert.editing.document import read_value
from sidestep.convert.repository.patches import Patch, patch_files, patches_of, texts
from sidestep.convert.repository.values import Repository, folder_of, joined
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.yaml_tree import DocumentError

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_COMPONENTS = "components"
_TAKEN_IN = ("resources", "bases", _COMPONENTS)
_MAKES_MORE = ("helmCharts", "helmChartInflationGenerator", "generators", "configMapGenerator", "secretGenerator")


class Kustomization(Struct, frozen=True):
    """One kustomization.

    Attributes:
        path: of its file.
        tree: what it says.
        takes: paths of files and folders that it takes in.
        components: those of them that change what it takes in.
        patches: that it makes.
    """

    path: str
    tree: Tree
    takes: tuple[str, ...]
    components: tuple[str, ...]
    patches: tuple[Patch, ...]

    @property
    def folder(self) -> str:
        """Where it stands."""
        return folder_of(self.path)

    @property
    def affixes(self) -> tuple[str, str]:
        """What it puts before and after names."""
        return str(self.tree.get("namePrefix") or ""), str(self.tree.get("nameSuffix") or "")

    @property
    def namespace(self) -> str:
        """Into which it puts everything; empty where it leaves it as it is."""
        return str(self.tree.get("namespace") or "")


class Way(Struct, frozen=True):
    """How a file comes to be rendered.

    Attributes:
        steps: kustomizations through which it goes, from the one that lists it up to the outermost.
        acting: these and the components that they use, in the order in which they act.
    """

    steps: tuple[Kustomization, ...]
    acting: tuple[Kustomization, ...]

    @property
    def root(self) -> Kustomization:
        """The one that is applied."""
        return self.steps[-1]


class Kustomizations:
    """All kustomizations of a repository.

    Args:
        repository: in which.

    Attributes:
        patch_files: files that hold their patches.
        unread: those that are no YAML, each with the 1-based line where that shows.
    """

    def __init__(self, repository: Repository) -> None:
        self._files = repository.files
        self.unread: dict[str, int] = {}
        named = [path for path in repository.files if path.rpartition("/")[2] in NAMES]
        found = (_read(path, repository.files, self.unread) for path in named)
        self._by_folder = {each.folder: each for each in found if each is not None}
        self.patch_files = {
            path for each in self._by_folder.values() for path in patch_files(each.tree, each.folder, self._files)
        }

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return bool(self._by_folder)

    def listing(self, path: str) -> list[Kustomization]:
        """Those that take a file, or a folder, in."""
        return [each for each in self._by_folder.values() if path in each.takes]

    def ways(self, path: str) -> list[Way]:
        """All ways of a file to where it is rendered; none for one that nobody lists."""
        return [Way(steps, tuple(self._acting(steps))) for steps in self._chains(path, ())]

    def outermost(self, namespace: str) -> list[Way]:
        """Ways of what nothing in the repository says: through one that is applied and may render a namespace."""
        taken = {path for each in self._by_folder.values() for path in each.takes}
        roots = [each for each in self._by_folder.values() if each.folder not in taken]
        fitting = [each for each in roots if each.namespace in ("", namespace)]
        return [Way((each,), tuple(self._acting((each,)))) for each in fitting]

    @property
    def absent(self) -> Iterator[tuple[str, str]]:
        """What kustomizations take in that is not in the repository: a remote base, or a folder elsewhere."""
        for each in self._by_folder.values():
            for path in each.takes:
                if path not in self._files and path not in self._by_folder:
                    yield each.path, path

    def makes_more(self, root: Kustomization) -> bool:
        """Whether it renders what no file of the repository says: remote resources, charts, generators."""
        if any(root.tree.get(name) for name in _MAKES_MORE):
            return True
        inner = [self._by_folder.get(path) for path in root.takes if path not in self._files]
        return any(each is None or self.makes_more(each) for each in inner if each is not root)

    def _chains(self, path: str, below: tuple[Kustomization, ...]) -> Iterator[tuple[Kustomization, ...]]:
        outer = [each for each in self.listing(path) if each not in below]
        if below and not outer:
            yield below
        for each in outer:
            yield from self._chains(each.folder, (*below, each))

    def _acting(self, steps: tuple[Kustomization, ...]) -> Iterator[Kustomization]:
        for step in steps:
            used = (self._by_folder.get(path) for path in step.components)
            inner = tuple(each for each in used if each is not None and each not in steps)
            yield from self._acting(inner)
            yield step


def with_resources(kustomization: Tree, added: Iterable[str], removed: Iterable[str], folder: str) -> Tree:
    """A kustomization that takes in other files, by their paths seen from its folder."""
    gone = set(removed)
    kept = [each for each in texts(kustomization.get("resources")) if joined(folder, each) not in gone]
    return {**kustomization, "resources": [*kept, *added]}


def _read(path: str, files: Mapping[str, str], unread: dict[str, int]) -> Kustomization | None:
    try:
        tree = read_value(files[path], path)
    except WorldError as error:
        cause = error.__cause__
        unread[path] = cause.line + 1 if isinstance(cause, DocumentError) else 1
        return None
    if not isinstance(tree, dict):
        return None
    folder = folder_of(path)

    def named(*fields: str) -> tuple[str, ...]:
        found = [each for field in fields for each in texts(tree.get(field))]
        return tuple(joined(folder, each) if "://" not in each else each for each in found)

    return Kustomization(path, tree, named(*_TAKEN_IN), named(_COMPONENTS), patches_of(tree, folder, files))
