"""How many requests a rehearsal loses or admits, of very many; and how long one of thirty workloads takes.

    python -m bench.rehearse requests --requests 1000000 --rate 800 --kept million.jsonl
    python -m bench.rehearse requests --from /path/to/online-boutique --requests 1000000 --rate 600
    python -m bench.rehearse thirty

Rehearsals of the same mesh follow each other, each through all waves and their rollback, until so many requests were
sent. Nothing else may run on the machine: an answer that is late is counted as lost. Each is a process and a lab of its
own, so that nothing grows from one to the next. Where the machine does not carry the rate, each round says so, and what
it sends instead. With `--kept` what came of each is a line of a file, by which the same
command goes on after Ctrl-C, or after anything else that ended it; the round that was under way begins again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

PROGRAM = Path(sys.executable).parent / "sidestep"
SAMPLE = "docs/examples/shop.yaml"
_DOWN = 60.0
"""Seconds until a lab that was interrupted must be gone."""
_SPACES, _EACH = ("front", "middle", "back"), 10


def main() -> int:
    """The figures, a line for each rehearsal."""
    arguments = _arguments()
    return _thirty(arguments) if arguments.what == "thirty" else _requests(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("requests", "thirty"))
    parser.add_argument("--from", dest="source", default=SAMPLE)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, help="requests a second  [400; of thirty the command's own]")
    parser.add_argument("--baseline", help="[60s; of thirty the command's own]")
    parser.add_argument("--gate-window", help="[5s]")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="a file of rounds that were told; those in it count")
    asked = parser.parse_args()
    if asked.what == "requests":
        asked.rate, asked.baseline = asked.rate or 400.0, asked.baseline or "60s"
        asked.gate_window = asked.gate_window or "5s"
    return asked


def _requests(asked: argparse.Namespace) -> int:
    rounds = _told_before(asked)
    try:
        while _sum(rounds, "sent") + _sum(rounds, "probed") < asked.requests:
            rounds.append(_round(asked))
            print(
                f"{len(rounds)}: {rounds[-1]['seconds']:.0f} s, {rounds[-1]['words']}, {_so_far(rounds, asked)}",
                flush=True,
            )
    except KeyboardInterrupt:
        print("ended by its user", flush=True)
    print(
        f"{len(rounds)} rehearsals, {sum(each['seconds'] for each in rounds):.0f} s: {_so_far(rounds, asked)}",
        flush=True,
    )
    return 1 if _sum(rounds, "lost") or _sum(rounds, "admitted") else 0


def _told_before(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Rounds of the same kind that a file holds; a torn last line is left out."""
    if asked.kept is None or not asked.kept.exists():
        return []
    lines = asked.kept.read_text().rpartition("\n")[0].splitlines()
    asked.kept.write_text("".join(f"{line}\n" for line in lines))
    rounds = [json.loads(line) for line in lines]
    others = [each["asked"] for each in rounds if each["asked"] != _kind(asked)]
    if others:
        raise SystemExit(f"{asked.kept} is of other rehearsals: {others[0]}, and not {_kind(asked)}")
    return rounds


def _round(asked: argparse.Namespace) -> dict[str, Any]:
    """One rehearsal: its counts, and what went wrong; kept where that is wished."""
    told, seconds = _rehearsed(asked.source, asked)
    found = {"asked": _kind(asked), "seconds": round(seconds, 1), "words": _in_words(told), **told["total"]}
    for note in told["leftOut"]:
        print(f"   {note}", flush=True)
    for each in told["wrong"]:
        print(f"   {each['count']} {each['what']}: {each['request']}: {each['how']} {each['detail']}", flush=True)
    if asked.kept is not None:
        with asked.kept.open("a") as file:
            file.write(json.dumps(found) + "\n")
    return found


def _kind(asked: argparse.Namespace) -> str:
    return f"{asked.source} at {asked.rate:g}, {asked.replicas} replicas, {asked.baseline}, {asked.gate_window}"


def _sum(rounds: list[dict[str, Any]], name: str) -> int:
    return sum(each[name] for each in rounds)


def _so_far(rounds: list[dict[str, Any]], asked: argparse.Namespace) -> str:
    totals = {name: _sum(rounds, name) for name in ("sent", "lost", "probed", "admitted")}
    share = (totals["sent"] + totals["probed"]) / asked.requests
    words = ", ".join(f"{count:,} {name}" for name, count in totals.items())
    return f"{words} ({share:.1%} of {asked.requests:,})"


def _thirty(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "thirty.yaml"
        written.write_text(yaml.safe_dump_all(thirty()))
        told, seconds = _rehearsed(str(written), asked)
    waves = {each["wave"] for each in told["parts"] if each["wave"] is not None}
    print(f"30 workloads, {told['pods']} pods, {len(waves)} waves, {len(told['parts'])} parts: {seconds:.0f} s")
    print(_in_words(told))
    return 0


def _rehearsed(source: str, asked: argparse.Namespace) -> tuple[dict[str, Any], float]:
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [
            str(PROGRAM), "rehearse", "--from", source, "--replicas", str(asked.replicas),
            *_said(rate=asked.rate, baseline=asked.baseline, gate_window=asked.gate_window),
            "--name", f"bench-{os.getpid()}",
            *(() if sys.stderr.isatty() else ("-q",)),
            "-o", "json", "--out", out.name,
        ]  # fmt: skip
        began = time.monotonic()
        code = _ended(subprocess.Popen(command))
        seconds = time.monotonic() - began
        if code not in {0, 2}:
            raise SystemExit(f"the rehearsal ended with {code}")
        return json.loads(Path(out.name).read_text()), seconds


def _said(**options: object) -> list[str]:
    """Options of the command, where they are said."""
    named = ((f"--{name.replace('_', '-')}", value) for name, value in options.items())
    return [word for name, value in named if value is not None for word in (name, str(value))]


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit code; who is interrupted with it lets it take its lab down."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_DOWN)
        process.terminate()
        raise


def _in_words(told: dict[str, Any]) -> str:
    answers = [each["answer"] for each in told["gates"]]
    gates = ", ".join(f"{answers.count(each)} {each}" for each in sorted(set(answers)))
    ends = f"{told['ended']}, {told['takenBack']}"
    odd = sum(1 for each in told["parts"] if each["unforetold"])
    total, named = told["total"], sum(each["foretold"] for each in told["wrong"])
    took = f"p50 {total['p50'] / 1000:.1f} ms, p99 {total['p99'] / 1000:.1f} ms"
    wrong = f"{total['lost']} lost, {total['admitted']} admitted ({named} foretold)"
    return f"{ends}: {wrong}, {took}; gates {gates}; {odd} steps odd"


def thirty() -> Iterator[dict[str, Any]]:
    """Thirty workloads in three namespaces: each of a tier calls two of the next, every third has a policy of HTTP."""
    for tier, space in enumerate(_SPACES):
        yield {"apiVersion": "v1", "kind": "Namespace",
               "metadata": {"name": space, "labels": {"istio-injection": "enabled"}}}  # fmt: skip
        for number in range(_EACH):
            yield from _workload(tier, space, f"{space}-{number}", number)


def _workload(tier: int, space: str, name: str, number: int) -> Iterator[dict[str, Any]]:
    meta, labels = {"name": name, "namespace": space}, {"app": name}
    further = _SPACES[tier + 1] if tier + 1 < len(_SPACES) else ""
    called = [f"{further}-{each % _EACH}" for each in (number, number + 1)] if further else []
    env = [{"name": f"CALLED_{place}", "value": f"http://{each}.{further}:80"} for place, each in enumerate(called)]
    container = {"name": "app", "image": "app", "ports": [{"containerPort": 8080, "name": "http"}], "env": env}
    template = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": name, "containers": [container]}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
           "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}}  # fmt: skip
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}}
    if number % 3 == 0:
        rule = {"to": [{"operation": {"methods": ["DELETE"]}}]}
        yield {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta,
               "spec": {"selector": {"matchLabels": labels}, "action": "DENY", "rules": [rule]}}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
