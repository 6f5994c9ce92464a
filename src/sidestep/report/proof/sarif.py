"""SARIF 2.1.0 for code scanning: one result for each counterexample, at the objects that decided.

GitHub shows at most 5,000 results of a run: the worst are kept, and a notification says how many were left out.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sidestep.prove.findings import DecidingObject, Standing
from sidestep.prove.proof import Counterexample, Proof
from sidestep.report.encoded import indented
from sidestep.report.formats import Look
from sidestep.report.places import page, uri
from sidestep.report.proof.places import dialled, named_in, place_of
from sidestep.report.proof.view import MEANINGS, verdict_line

MOST_RESULTS = 5_000
_LEVELS = {"open": "error", "closed": "error", "route": "error", "seen": "warning", "shape": "warning"}
_GUIDE = "guides/read-a-counterexample.md"
_RULES = (
    *((f"prove/{direction}", text, _LEVELS[direction]) for direction, text in MEANINGS.items()),
    ("prove/undecided", "it cannot be decided whether both mean the same", "error"),
    ("prove/invariant", "an invariant does not hold, or cannot be decided", "error"),
    ("prove/accepted", "an accepted difference has expired, or accepts nothing", "warning"),
)
_INDEX = {name: index for index, (name, _, _) in enumerate(_RULES)}


def render(proof: Proof, _look: Look) -> str:
    """One run."""
    results = [*_examples(proof), *_undecided(proof), *_invariants(proof), *_findings(proof)]
    left_out = len(results[MOST_RESULTS:])
    notes = [f"{left_out} further results were left out: a run shows at most {MOST_RESULTS}"] if left_out else []
    run = {
        "tool": {"driver": _driver()},
        "results": _numbered(results[:MOST_RESULTS]),
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "warning", "message": {"text": note}} for note in notes],
            }
        ],
        "automationDetails": {"id": "sidestep/prove/"},
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": proof.verdict.value, "told": verdict_line(proof), "resultsLeftOut": left_out},
    }
    return indented({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}, 1)


def _driver() -> dict[str, Any]:
    rules = [
        {
            "id": name,
            "name": "".join(word.capitalize() for word in name.split("/")),
            "shortDescription": {"text": text},
            "help": {"text": f"{text}: {page(_GUIDE)}", "markdown": f"[{text}]({page(_GUIDE)})"},
            "helpUri": page(_GUIDE),
            "defaultConfiguration": {"level": level},
            "properties": {"tags": ["istio", "service-mesh"]},
        }
        for name, text, level in _RULES
    ]
    return {"name": "sidestep", "informationUri": "https://github.com/sidestep-dev/sidestep", "rules": rules}


def _examples(proof: Proof) -> Iterator[dict[str, Any]]:
    for each in sorted(proof.worst_first(), key=lambda example: bool(example.accepted)):
        objects = named_in(" ".join((each.after.why, each.before.why, *each.changed)), proof)
        result = _result(f"prove/{each.direction.value}", _message(each), each.request, objects, each.subject.host)
        result["properties"] = {"differences": each.differences, "step": each.step}
        if each.accepted:
            result["suppressions"] = [{"kind": "external", "justification": each.accepted}]
        yield result


def _message(each: Counterexample) -> str:
    step = f" after {each.step}" if each.step else ""
    codes = f" ({', '.join(each.differences)})" if each.differences else ""
    told = "; ".join((f"before: {each.before.why}", f"after: {each.after.why}", *each.changed))
    return f"{each.request}{step}: {told}{codes}."


def _undecided(proof: Proof) -> Iterator[dict[str, Any]]:
    for each in proof.undecided:
        named = f"{each.reason} {each.object or ''}"
        yield _result("prove/undecided", f"{each.where}: {each.reason}", each.where, named_in(named, proof))


def _invariants(proof: Proof) -> Iterator[dict[str, Any]]:
    for each in proof.invariants:
        if each.standing is not Standing.HOLDS:
            told = f"{each.request}: {each.why}" if each.request else each.reason
            yield _result("prove/invariant", f"{each.name}: {told}", each.name, named_in(told, proof))


def _findings(proof: Proof) -> Iterator[dict[str, Any]]:
    for each in proof.findings:
        yield _result(
            "prove/accepted", f"{each.code} {each.entry}: {each.message}. To fix: {each.fix}.", each.entry, []
        )


def _result(rule: str, message: str, subject: str, objects: list[DecidingObject], host: str = "") -> dict[str, Any]:
    return {
        "ruleId": rule,
        "ruleIndex": _INDEX[rule],
        "level": _RULES[_INDEX[rule]][2],
        "message": {"text": message},
        "locations": [_location(each) for each in objects] or [_nowhere(host or dialled(subject))],
        "partialFingerprints": {
            "sidestep/v1": hashlib.sha256(f"{rule} {subject}".encode(errors="replace")).hexdigest()[:32]
        },
    }


def _location(each: DecidingObject) -> dict[str, Any]:
    path, line = place_of(each)
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": line}},
        "logicalLocations": [{"fullyQualifiedName": str(each.object), "kind": "resource"}],
    }


def _nowhere(host: str) -> dict[str, Any]:
    """What no object decided: a stable made-up path, by what is dialled."""
    path = f"cluster/{host}"
    return {"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": 1}}}


def _numbered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with a fingerprint of its own."""
    seen = Counter[str]()
    for each in results:
        mark = each["partialFingerprints"]["sidestep/v1"]
        seen[mark] += 1
        each["partialFingerprints"] = {"sidestep/v1": f"{mark}:{seen[mark]}"}
    return results
