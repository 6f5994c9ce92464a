"""Collect what one file says into a `Part`, of which `MeshBuilder.take` makes a mesh with others."""

from sidestep.model.gaps import Remark
from sidestep.model.origin import Origin
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.objects.part import Part, Place
from sidestep.sources.objects.pods import PodDecoder


class PartBuilder(MeshBuilder):
    """Takes objects one by one, each of them as often as it comes: which one counts hangs on other files.

    Args:
        pods: decodes those of all parts, so that replicas share what they have in common.
    """

    def __init__(self, pods: PodDecoder) -> None:
        super().__init__(pods)
        self._versions: dict[str, Remark] = {}

    def part(self, foreign: int = 0) -> Part:
        """All that was added.

        Args:
            foreign: how many documents were no Kubernetes object.
        """
        return Part(
            tuple(self._pods),
            {key: tuple(found) for key, found in self._resources.items()},
            tuple(self._others),
            tuple(self._gaps),
            tuple(self._remarks),
            self._secrets,
            tuple(self._versions.items()),
            foreign,
        )

    def _note_unknown(self, api_version: str, remark: Remark) -> None:
        self._versions.setdefault(api_version, remark)

    def _is_new(self, key: Place, origin: Origin) -> bool:  # noqa: ARG002 - others decide by them
        return True
