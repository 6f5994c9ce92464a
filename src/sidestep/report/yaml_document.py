"""The document as YAML."""

from typing import Any

import msgspec
import yaml
from yaml import CSafeDumper

from sidestep.report.encoded import encoded
from sidestep.report.formats import Look
from sidestep.report.json_document import document


class _Dumper(CSafeDumper):
    """Writes everything out: an anchor would be one more thing to follow."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Always."""
        return True


def render(reported: msgspec.Struct, _look: Look) -> str:
    """The same document as JSON, in the same order."""
    tree: Any = msgspec.json.decode(encoded(document(reported)))
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
