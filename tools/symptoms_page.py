"""The page that lists all symptoms, made from the catalogue so that it cannot disagree with it."""

from pathlib import Path

from sidestep.audit.catalogue import RULES
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom
from sidestep.audit.symptoms import SYMPTOMS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guides" / "symptoms.md"
_HEAD = """# Symptoms

What people see when something is wrong around ambient and sidecars, and what may be behind it, the most common cause
first. Where a cause names findings, `sidestep audit` tells whether this cluster has it, and such causes are listed
first; where it names none, objects cannot tell, and it is to be checked by hand. Text may be pasted as it stands in a
log: case, order and small slips do not matter.

Clock skew, what applications do, and who calls whom cannot be seen in a cluster's objects.

This page is generated from the catalogue of symptoms (`python -m tools.check_docs --write`).
"""
_TITLES = {rule.code: rule.title for rule in RULES}


def page() -> str:
    """The whole page."""
    index = "".join(f"- [{symptom.title}](#{_anchor(symptom.title)})\n" for symptom in SYMPTOMS)
    return "\n".join((_HEAD, index, *map(_section, SYMPTOMS)))


def _section(symptom: Symptom) -> str:
    phrases = " · ".join(f"`{phrase}`" for phrase in symptom.phrases)
    causes = "".join(f"{number}. {_cause(cause)}\n" for number, cause in enumerate(symptom.causes, 1))
    return f"## {symptom.title}\n\nAlso: {phrases}\n\n{causes}"


def _cause(cause: Cause) -> str:
    findings = ", ".join(f'[{code}](../findings/{code}.md "{_TITLES[code]}")' for code in cause.codes)
    told = f" Findings: {findings}." if findings else ""
    fix = f"\n   Fix: {cause.fix}." if cause.fix else ""
    return f"{cause.what}{told}\n   By hand: {cause.check}{fix}"


def _anchor(title: str) -> str:
    """As GitHub makes it of a heading."""
    kept = "".join(char for char in title.lower() if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
