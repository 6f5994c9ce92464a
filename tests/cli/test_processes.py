"""Work that several processes share: the same answers in the same order, and nobody left when it ends, however it ends."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.cli.test_explain import SHOP
from tests.support.commands import sidestep

from sidestep.cli.processes import CopyError, beside, shared
from sidestep.errors import WorldError

PIECES = [f"space-{number}" for number in range(40)]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does all")


def told(piece):
    return piece, os.getpid()


def children():
    """Processes that this one has made and that nobody has waited for."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def nobody_left():
    """Processes of other tests may be there already."""
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_answers_come_in_the_order_of_the_pieces(processes):
    found = list(shared(processes, told, PIECES, tuple[str, int]))
    assert [piece for piece, _ in found] == PIECES
    assert len({process for _, process in found}) == processes


def test_few_pieces_are_not_worth_a_process():
    assert {process for _, process in shared(8, told, PIECES[:5], tuple[str, int])} == {os.getpid()}


def test_answers_may_be_larger_than_a_pipe():
    found = list(shared(2, lambda piece: piece * 50_000, PIECES, str))
    assert found == [piece * 50_000 for piece in PIECES]


def elsewhere(do):
    """Does something in any other process than this."""
    home = os.getpid()

    def ask(piece):
        if os.getpid() != home and piece == PIECES[7]:
            do()
        return piece

    return ask


def test_a_fault_of_another_process_is_a_fault_here():
    def fault():
        raise ValueError("seven is too many")

    with pytest.raises(CopyError, match="ValueError: seven is too many") as failed:
        list(shared(2, elsewhere(fault), PIECES, str))
    assert "in fault" in failed.value.__notes__[0]


def test_who_is_ended_by_the_system_is_told():
    ended = elsewhere(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(WorldError, match="signal 9") as failed:
        list(shared(2, ended, PIECES, str))
    assert "--jobs 1" in failed.value.remedy


def test_an_interrupt_ends_all(tmp_path):
    home = os.getpid()

    def ask(piece):
        if os.getpid() != home:
            (tmp_path / "begun").touch()
            signal.pause()
        while not (tmp_path / "begun").exists():
            pass
        os.kill(home, signal.SIGINT)
        return piece

    with pytest.raises(KeyboardInterrupt):
        list(shared(2, ask, PIECES, str))


def test_who_takes_no_more_ends_all():
    found = shared(2, told, PIECES, tuple[str, int])
    before = children()
    next(found)
    assert children() > before
    found.close()


def test_a_proof_is_the_same_by_as_many_processes_as_there_are(tmp_path):
    """Of several namespaces, with differences in each and some that nobody can decide."""
    spaces = [SHOP.replace("shop", f"shop-{number}") for number in range(12)]
    before = "\n---\n".join(spaces)
    after = "\n---\n".join(
        each.replace("[GET]", "[HEAD]") if number % 3 else each for number, each in enumerate(spaces)
    )
    for name, text in (("before", before), ("after", f"{after}\n---\n{FILTER}")):
        (tmp_path / f"{name}.yaml").write_text(text)

    def proved(*options):
        done = sidestep(
            "prove", tmp_path / "before.yaml", tmp_path / "after.yaml", "--no-cache", "-o", "json", *options
        )
        assert done.returncode == 3, done.stderr
        return done.stdout

    alone = proved("--jobs", "1")
    assert len(json.loads(alone)["counterexamples"]) > 8
    assert json.loads(alone)["undecided"]
    assert proved("--jobs", "2") == proved("--jobs", "3") == alone


def test_all_states_of_a_plan_are_proved_the_same_by_several_processes(tmp_path):
    (tmp_path / "mesh.yaml").write_text("\n---\n".join(SHOP.replace("shop", f"shop-{number}") for number in range(16)))

    def proved(jobs, *options):
        asked = ("prove", "--plan", "labels", "--from", tmp_path / "mesh.yaml", "-o", "json", "--jobs", str(jobs))
        done = sidestep(*asked, *options)
        assert done.returncode == 3, done.stderr
        return done.stdout

    alone = proved(1)
    assert json.loads(alone)["states"] > 16
    assert len(json.loads(alone)["counterexamples"]) > 8
    assert proved(2) == alone
    assert proved(2, "--fail-fast") == proved(1, "--fail-fast") != alone


@pytest.mark.parametrize("many", [0, 1, 3])
def test_walks_beside_each_other_are_told_step_by_step(many):
    def walk(number):
        return ((number, step, os.getpid()) for step in range(50))

    found = beside(many, walk, tuple[int, int, int])
    for step in range(50):
        told = next(found)
        assert [each[:2] for each in told] == [(number, step) for number in range(1, many + 1)]
        assert len({each[2] for each in told} - {os.getpid()}) == many
    found.close()


def test_a_fault_on_a_walk_is_a_fault_here():
    def walk(_number):
        yield 1
        raise ValueError("the way ends here")

    found = beside(1, walk, int)
    assert next(found) == [1]
    with pytest.raises(CopyError, match="the way ends here"):
        next(found)


FILTER = """\
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: odd, namespace: shop-4}
spec: {configPatches: [{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD}}]}
"""
