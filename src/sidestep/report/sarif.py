"""SARIF 2.1.0 for code scanning: rules, results with a place, fingerprints that survive line moves.

GitHub shows at most 5,000 results of a run: the worst are kept, and a notification says how many were left out.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sidestep.audit.catalogue import RULES
from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit
from sidestep.audit.rule import Rule
from sidestep.report.encoded import indented
from sidestep.report.formats import Look
from sidestep.report.places import page, place, uri

MOST_RESULTS = 5_000
_LEVELS = {
    Severity.INFO: "note",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.BLOCKER: "error",
}
_INDEX = {rule.code: index for index, rule in enumerate(RULES)}


def render(audit: Audit, _look: Look) -> str:
    """One run."""
    ordered = sorted(audit.findings, key=lambda finding: (finding.suppressed is not None, -finding.severity.rank))
    kept, left_out = ordered[:MOST_RESULTS], len(ordered[MOST_RESULTS:])
    run = {
        "tool": {"driver": _driver(audit)},
        "results": [*_results(kept)],
        "invocations": [_invocation(audit, left_out)],
        "automationDetails": {"id": "sidestep/audit/"},
        "columnKind": "unicodeCodePoints",
        "properties": {"complete": audit.source.complete, "resultsLeftOut": left_out},
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return indented(log, 1)


def _driver(audit: Audit) -> dict[str, Any]:
    return {
        "name": "sidestep",
        "version": audit.tool_version,
        "informationUri": "https://github.com/sidestep-dev/sidestep",
        "rules": [_rule(rule) for rule in RULES],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    address = page(rule.docs)
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "help": {"text": f"{rule.title}: {address}", "markdown": f"[{rule.title}]({address})"},
        "helpUri": address,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["istio", "service-mesh", *rule.also]},
    }


def _results(findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """Each with a fingerprint of its own: a second finding of one rule on one object is numbered."""
    seen = Counter[str]()
    for finding in findings:
        fingerprint = _fingerprint(finding)
        seen[fingerprint] += 1
        yield _result(finding, f"{fingerprint}:{seen[fingerprint]}")


def _result(finding: Finding, fingerprint: str) -> dict[str, Any]:
    path, line = place(finding)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.object}: {finding.message}. To fix: {finding.fix}."},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": line}},
                "logicalLocations": [{"fullyQualifiedName": str(finding.object), "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"sidestep/v1": fingerprint},
        "properties": {"severity": finding.severity.value, "evidence": finding.evidence},
    }
    if finding.code in _INDEX:
        result["ruleIndex"] = _INDEX[finding.code]
    if finding.suppressed:
        result["suppressions"] = [{"kind": "external", "justification": finding.suppressed}]
    return result


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding on the same object, wherever it stands."""
    return hashlib.sha256(
        f"{finding.code} {finding.object.api_version} {finding.object}".encode(errors="replace")
    ).hexdigest()[:32]


def _invocation(audit: Audit, left_out: int) -> dict[str, Any]:
    notes = [f"not read: {missing.resource} ({missing.reason})" for missing in audit.source.missing]
    if left_out:
        notes.append(f"{left_out} further findings were left out: a run shows at most {MOST_RESULTS}")
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": note}} for note in notes],
    }
