"""Findings as text for a terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Console

from sidestep.audit.finding import Finding, Severity
from sidestep.report.items import Item, print_item

_STYLES = {
    Severity.BLOCKER: "bold magenta",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}
_WIDEST = max(len(severity.value) for severity in Severity)


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Each with its place, what is wrong, and what to do."""
    for finding in findings:
        print_item(out, _item(finding))


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


def _item(finding: Finding) -> Item:
    return Item(
        finding.severity.value.ljust(_WIDEST),
        _STYLES[finding.severity],
        str(finding.object),
        finding.code,
        f"({finding.origin})" if finding.origin else "",
        tuple(_texts(finding)),
    )


def _texts(finding: Finding) -> Iterator[tuple[str, str]]:
    yield finding.message, ""
    yield (f"suppressed by {finding.suppressed}" if finding.suppressed else f"fix: {finding.fix}"), "dim"
