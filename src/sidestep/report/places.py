"""Where code-scanning tools should point: the file and line, or a stable made-up path for live objects."""

from sidestep.audit.finding import Finding
from sidestep.model.origin import ClusterOrigin, FileOrigin


def place(finding: Finding) -> tuple[str, int]:
    """Path and line."""
    match finding.origin:
        case FileOrigin(path=path, line=line):
            return path.removeprefix("./"), max(line, 1)
        case ClusterOrigin() | None:
            named = finding.object
            return f"cluster/{named.namespace or '_cluster'}/{named.kind}/{named.name}.yaml", 1
