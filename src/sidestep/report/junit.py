"""JUnit XML: one suite per rule, one case per finding; a rule without findings is one case that passed."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sidestep.audit.catalogue import RULES
from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit
from sidestep.audit.rule import Rule
from sidestep.report.formats import Look
from sidestep.report.places import place

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(audit: Audit, _look: Look) -> str:
    """The whole document."""
    failures = sum(_fails(finding) for finding in audit.findings)
    root = Element("testsuites", name="sidestep audit", failures=str(failures), errors="0")
    for rule in RULES:
        _suite(root, rule, [finding for finding in audit.findings if finding.code == rule.code])
    root.set("tests", str(len(root.findall(".//testcase"))))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, rule: Rule, findings: list[Finding]) -> None:
    failures = sum(_fails(finding) for finding in findings)
    skipped = sum(finding.suppressed is not None for finding in findings)
    suite = SubElement(
        root,
        "testsuite",
        name=f"{rule.code} {rule.title}",
        tests=str(max(len(findings), 1)),
        failures=str(failures),
        errors="0",
        skipped=str(skipped),
    )
    if not findings:
        SubElement(suite, "testcase", classname=rule.code, name=rule.title)
    for finding in findings:
        _case(suite, finding)


def _case(suite: Element, finding: Finding) -> None:
    path, line = place(finding)
    name, message = _text(str(finding.object)), _text(finding.message)
    case = SubElement(suite, "testcase", classname=finding.code, name=name, file=_text(path), line=str(line))
    if finding.suppressed:
        SubElement(case, "skipped", message=_text(finding.suppressed))
    elif _fails(finding):
        failure = SubElement(case, "failure", type=finding.severity.value, message=message)
        failure.text = f"{message}\nfix: {_text(finding.fix)}\n{_text(path)}:{line}"


def _fails(finding: Finding) -> bool:
    return finding.suppressed is None and finding.severity is not Severity.INFO


def _text(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return _NOT_XML.sub("\ufffd", text)
