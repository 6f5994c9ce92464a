"""The audit for a pull request or a wiki."""

from collections.abc import Iterable, Sequence

from sidestep.audit.result import Audit
from sidestep.report.formats import Look
from sidestep.report.units import cpu, memory, money

_FINDINGS_SHOWN = 50
_SPECIAL = str.maketrans({"|": "\\|", "<": "&lt;", ">": "&gt;", "\n": " ", "`": "'"})


def render(audit: Audit, _look: Look) -> str:
    """GitHub-flavoured Markdown."""
    return "\n".join([*_head(audit), *_namespaces(audit), "", *_findings(audit)]) + "\n"


def _head(audit: Audit) -> Iterable[str]:
    yield "# Sidecar audit"
    yield ""
    if not audit.source.complete:
        yield f"> **Partial**: {len(audit.source.missing)} things could not be read."
        yield from (f"> - {_text(m.resource)}: {_text(m.reason)} {_text(m.remedy)}" for m in audit.source.missing[:20])
        yield ""
    yield from (f"{_text(sentence)}  " for sentence in audit.conclusion)
    yield ""


def _namespaces(audit: Audit) -> Iterable[str]:
    yield "## Namespaces"
    yield ""
    heads = ("Namespace", "Pods", "Sidecars", "Ambient", "CPU", "Memory", "Per month", "Layer 7")
    yield _row(heads)
    yield _row(("---", *("--:",) * 6, "---"))
    for row in sorted(audit.namespaces, key=lambda each: (-each.monthly.requested, each.namespace)):
        yield _row(
            (
                row.namespace,
                f"{row.pods:,}",
                f"{row.sidecars.total:,}",
                f"{row.ambient:,}",
                cpu(row.requested.cpu_millis),
                memory(row.requested.memory_bytes),
                money(row.monthly.requested, audit.prices.currency),
                "yes" if row.layer7 else "no",
            )
        )


def _findings(audit: Audit) -> Iterable[str]:
    counted = [finding for finding in audit.findings if finding.suppressed is None]
    yield "## Findings"
    yield ""
    yield _row(("Severity", "Code", "Object", "What", "Fix"))
    yield _row(("---",) * 5)
    for finding in counted[:_FINDINGS_SHOWN]:
        yield _row((finding.severity.value, finding.code, str(finding.object), finding.message, finding.fix))
    if len(counted) > _FINDINGS_SHOWN:
        yield ""
        yield f"… and {len(counted) - _FINDINGS_SHOWN:,} more."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _text(text: str) -> str:
    return text.translate(_SPECIAL)
