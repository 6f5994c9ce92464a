"""Who calls whom, from access logs of sidecars, gateways, waypoints and ztunnel in files."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Evidence, call_graph
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.sources.calls.directory import NOBODY, Directory
from sidestep.sources.calls.log_lines import Call, Malformed, Party, read_line
from sidestep.sources.calls.tally import Figure, Tally
from sidestep.sources.interface import Progress, Report, unheard

LONGEST_LINE = 65_536
_GZIP = b"\x1f\x8b"
_EVERY = 20_000
_REMEDY = "give lines of Istio's default text or JSON format, or of ztunnel"


class AccessLogCalls:
    """Calls from files, plain or gzipped, which together are one log of one stretch of time.

    Args:
        paths: the files.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)

    def read(self, mesh: Mesh, report: Report = unheard) -> CallGraph:
        """All calls that the files tell of; lines that tell of none known are counted in gaps.

        Raises:
            WorldError: a file cannot be opened.
        """
        count = _Count(Directory(mesh))
        for path in self._paths:
            count.file(path, report)
        return count.graph()


class _Numbers(Struct):
    """What became of the lines of one file."""

    lines: int = 0
    calls: int = 0
    malformed: int = 0
    first_malformed: int = 0
    unplaced: int = 0


class _Count:
    """Reads files and adds up."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._tally = Tally()
        self._gaps: list[Gap] = []
        self._names: list[str] = []
        self._first: float | None = None
        self._last: float | None = None

    def graph(self) -> CallGraph:
        """Everything that was read."""
        where = ", ".join(self._names)
        seconds = (self._last or 0.0) - (self._first or 0.0)
        scale = 1 / seconds if seconds >= 1 else None
        remarks = [] if scale else [Remark(where, "the lines span less than a second, so that no rate is known")]
        if self._tally.left_out:
            told = f"{self._tally.left_out} lines of more callers and callees than can be kept"
            self._gaps.append(Gap(where, GapReason.TOO_LARGE, told, "give logs of fewer namespaces"))
        edges = self._tally.edges(Evidence.ACCESS_LOG, scale, where)
        return call_graph(edges, self._gaps, remarks)

    def file(self, path: str, report: Report) -> None:
        """Count the calls of one file."""
        numbers = _Numbers()
        self._names.append(path)
        for text in self._lines(path):
            numbers.lines += 1
            self._line(text, numbers)
            if numbers.lines % _EVERY == 0:
                report(Progress(path, numbers.lines, unit="lines"))
        report(Progress(path, numbers.lines, unit="lines"))
        self._doubt(path, numbers)

    def _lines(self, path: str) -> Iterator[str | None]:
        """Lines; None for one that is too long. A file that ends in the middle of compression ends there."""
        try:
            with Path(path).open("rb") as plain:
                if plain.peek(2)[:2] != _GZIP:
                    yield from _bounded(plain)
                    return
                with gzip.open(plain) as unzipped:
                    yield from _bounded(cast("BinaryIO", unzipped))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            told, remedy = str(error), "fetch the file again; what stood before was read"
            self._gaps.append(Gap(path, GapReason.TRUNCATED, told, remedy))
        except OSError as error:
            raise WorldError(error.strerror or str(error), where=path, remedy="check the path") from error

    def _line(self, text: str | None, numbers: _Numbers) -> None:
        line = Malformed() if text is None else read_line(text)
        if isinstance(line, Malformed):
            numbers.malformed += 1
            numbers.first_malformed = numbers.first_malformed or numbers.lines
        elif isinstance(line, Call):
            numbers.calls += 1
            numbers.unplaced += not self._call(line)

    def _call(self, call: Call) -> bool:
        """Count a call, unless nothing tells who was called."""
        callee = self._callee(call)
        if callee == Callee():
            return False
        figures = {Figure.BYTES: float(call.size)}
        figures[Figure.REQUESTS if call.protocol == "http" else Figure.CONNECTIONS] = 1.0
        self._tally.add(self._caller(call), callee, call.teller, call.protocol, figures)
        if call.when is not None:
            self._first = call.when if self._first is None else min(self._first, call.when)
            self._last = call.when if self._last is None else max(self._last, call.when)
        return True

    def _caller(self, call: Call) -> Caller:
        ref = self._workload(call.source, call.when)
        if ref is not None:
            return Caller(CallerRole.WORKLOAD, ref.namespace, ref.kind, ref.name)
        return self._directory.caller("", "", call.source.identity)

    def _callee(self, call: Call) -> Callee:
        ref = self._workload(call.target, call.when)
        return self._directory.callee(ref.namespace if ref else "", ref.name if ref else "", call.host)

    def _workload(self, party: Party, when: float | None) -> WorkloadRef | None:
        if party.pod not in NOBODY:
            return self._directory.of_pod(party.namespace, party.pod)
        return self._directory.at(party.address, when) if party.address else None

    def _doubt(self, path: str, numbers: _Numbers) -> None:
        if numbers.malformed:
            first = f"the first is line {numbers.first_malformed}"
            told = f"{numbers.malformed} of {numbers.lines} lines are no access log, {first}"
            self._gaps.append(Gap(path, GapReason.MALFORMED, told, _REMEDY))
        elif not numbers.calls:
            self._gaps.append(Gap(path, GapReason.ABSENT, "no line tells of a call", _REMEDY))
        if numbers.unplaced:
            told = f"{numbers.unplaced} of {numbers.calls} calls went to addresses that no pod had then"
            remedy = "give the log of a time at which today's pods were running"
            self._gaps.append(Gap(path, GapReason.ABSENT, told, remedy))


def _bounded(stream: BinaryIO) -> Iterator[str | None]:
    while line := stream.readline(LONGEST_LINE):
        if line.endswith(b"\n") or len(line) < LONGEST_LINE:
            yield line.decode(errors="replace")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE)
        yield None
