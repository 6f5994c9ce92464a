"""The document as YAML."""

from typing import Any

import msgspec
import yaml
from yaml import CSafeDumper

from sidestep.audit.result import Audit
from sidestep.report.formats import Look


def render(audit: Audit, _look: Look) -> str:
    """The same document as JSON, in the same order."""
    tree: Any = msgspec.to_builtins(audit)
    text: str = yaml.dump(tree, Dumper=CSafeDumper, sort_keys=False, allow_unicode=True, width=120)
    return text
