"""Where code-scanning tools should point: the file and line, or a stable made-up path for live objects."""

from urllib.parse import quote

from sidestep.audit.finding import Finding
from sidestep.model.origin import ClusterOrigin, FileOrigin

DOCS = "https://github.com/sidestep-dev/sidestep/blob/main/docs/"


def place(finding: Finding) -> tuple[str, int]:
    """Path and line."""
    match finding.origin:
        case FileOrigin(path=path, line=line):
            return path.removeprefix("./"), max(line, 1)
        case ClusterOrigin() | None:
            named = finding.object
            return f"cluster/{named.namespace or '_cluster'}/{named.kind}/{named.name}.yaml", 1


def uri(path: str) -> str:
    """A path as an RFC 3986 reference: relative stays relative, absolute becomes a file URI."""
    quoted = quote(path, safe="/!", errors="replace")
    return f"file://{quoted}" if path.startswith("/") else quoted


def page(docs: str) -> str:
    """Where a finding's page is published."""
    return DOCS + docs
