"""Findings as text for a terminal."""

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sidestep.audit.finding import Finding, Severity
from sidestep.report.columns import plain, prose

_INDENT = 4
_STYLES = {
    Severity.BLOCKER: "bold magenta",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Each with its place, what is wrong, and what to do."""
    for finding in findings:
        _print_head(out, finding)
        prose(out, plain(finding.message), _INDENT)
        if finding.suppressed:
            prose(out, plain(f"suppressed by {finding.suppressed}", "dim"), _INDENT)
        else:
            prose(out, plain(f"fix: {finding.fix}", "dim"), _INDENT)


def worst(findings: Iterable[Finding], count: int) -> list[Finding]:
    """The worst of each code first, so that one noisy rule does not hide the others; suppressed ones never."""
    counted = [finding for finding in findings if finding.suppressed is None]
    first_of_code: dict[str, Finding] = {}
    for finding in counted:
        first_of_code.setdefault(finding.code, finding)
    chosen = list(first_of_code.values())
    if len(chosen) < count:
        taken = {id(finding) for finding in chosen}
        chosen += [finding for finding in counted if id(finding) not in taken]
    return sorted(chosen[:count], key=lambda finding: -finding.severity.rank)


def _print_head(out: Console, finding: Finding) -> None:
    """Severity, code and object; the place beside them where it fits, else below."""
    line = Text("  ")
    line.append(f"{finding.severity.value:<8}", style=_STYLES[finding.severity])
    line.append(f"{finding.code}  ")
    line.append_text(plain(str(finding.object), "bold"))
    place = plain(f"({finding.origin})", "dim") if finding.origin else None
    beside = place is not None and cell_len(line.plain) + 2 + cell_len(place.plain) <= out.width
    if place is not None and beside:
        line.append("  ")
        line.append_text(place)
    out.print(line, no_wrap=True, overflow="ellipsis")
    if place is not None and not beside:
        prose(out, place, _INDENT)
