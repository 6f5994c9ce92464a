"""However a lab ends, nothing of it is left: no process, no namespace, no file; and what went wrong is said."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.support.lab_command import shell
from tests.support.labs import eventually

pytestmark = pytest.mark.real

SHOP = "docs/examples/lab.yaml"


@pytest.fixture
def user():
    with shell() as made:
        yield made


def up(user, *more):
    process = user.start("up", SHOP, "--nodes", "1", *more)
    for line in process.stderr:
        if line.startswith("up after"):
            return process
    raise AssertionError(process.stderr.read())


def ended(process, *, again):
    """What it said; Python may lose an interrupt while it imports, and whoever sits there presses Ctrl-C again."""
    try:
        return process.communicate(timeout=25 if again else 60)[1]
    except subprocess.TimeoutExpired:
        assert again
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=60)[1]


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_ended_at_any_moment_of_coming_up(user, number, moment):
    process = user.start("up", SHOP, "--nodes", "1")
    time.sleep(moment)
    imports = not set(user.processes()) - {str(process.pid)}
    process.send_signal(number)
    err = ended(process, again=number is signal.SIGINT and imports)
    was_up = number is signal.SIGINT and "ending" in err
    assert process.returncode in ({0} if was_up else {130, 1, -number})
    assert number is not signal.SIGINT or imports or "Traceback" not in err
    assert user.left() == []


@pytest.mark.parametrize("victim", ["command", "sidestep.lab.machine", "unshare"])
def test_a_foreground_lab_of_which_a_part_is_killed(user, victim):
    process = up(user)
    os.kill(process.pid if victim == "command" else user.named(victim), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert user.left() == []
    if victim != "command":
        assert process.returncode == 1
        assert "error: the lab ended by itself" in err


def test_interrupted_twice(user):
    process = up(user)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert user.left() == []


def test_its_first_process_ends_in_order_when_asked_to(user):
    process = up(user)
    os.kill(user.named("unshare"), signal.SIGCONT)
    os.kill(first(user), signal.SIGTERM)
    assert process.wait(60) == 0
    assert user.left() == []


def test_a_detached_lab_stays_until_it_is_taken_down(user):
    assert up(user, "--detach").wait(60) == 0
    assert "5 ready" in user.says("status")
    assert user.run("down").stderr == "lab lab is down\n"
    assert user.left() == []
    assert user.run("down").stderr == "no lab lab was up\n"


def test_a_lab_that_hears_nothing_is_ended_all_the_same(user):
    up(user, "--detach").wait(60)
    os.kill(first(user), signal.SIGSTOP)
    again = user.run("up", SHOP)
    assert "a lab named 'lab' is up already" in again.stderr
    assert user.run("down").returncode == 0
    assert user.left() == []


def test_a_lab_whose_folder_is_removed_ends(user):
    up(user, "--detach").wait(60)
    (folder,) = user.home.glob("sidestep-*/lab")
    (folder / "lab.sock").unlink()
    done = user.run("status")
    assert done.returncode == 1
    assert "no lab is up here" in done.stderr
    assert user.left() == []


def test_a_killed_lab_leaves_a_folder_that_says_why_and_the_next_one_takes_over(user):
    up(user, "--detach").wait(60)
    os.kill(first(user), signal.SIGKILL)
    assert eventually(lambda: user.processes() == [])
    assert "no lab is up here" in user.run("ls").stderr
    assert up(user, "--detach").wait(60) == 0
    user.says("down")
    assert user.left() == []


def test_taken_down_while_it_comes_up(user):
    process = user.start("up", SHOP, "--nodes", "8")
    assert eventually(lambda: list(user.home.glob("sidestep-*/lab/lab.sock")))
    assert user.run("down").returncode == 0
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert user.left() == []


def test_two_at_once(user):
    both = [user.start("up", SHOP, "--nodes", "1", "--detach", "--name", each) for each in ("one", "two")]
    assert [each.wait(60) for each in both] == [0, 0]
    for name in ("one", "two"):
        assert user.says("call", "shop/web", "shop/orders", "--name", name).startswith("ok 200")
        assert user.run("down", "--name", name).returncode == 0
    assert user.left() == []


def test_two_of_one_name_at_once_are_one(user):
    both = [user.start("up", SHOP, "--nodes", "1", "--detach") for _ in range(2)]
    assert sorted(each.wait(60) for each in both) == [0, 1]
    assert "5 ready" in user.says("status")
    user.says("down")
    assert user.left() == []


ORPHANS = """
apiVersion: v1
kind: Pod
metadata:
  name: parent
  annotations: {sidestep.dev/command: "(setsid sh -c 'for i in 1 2 3 4 5; do (true &); done' &); exec sleep 1000"}
spec:
  containers: [{name: main, image: any}]
"""


def test_orphans_are_buried(user):
    manifest = user.home / "orphans.yaml"
    manifest.write_text(ORPHANS)
    user.run("up", manifest, "--nodes", "1", "--detach")
    machine = first(user)
    assert eventually(lambda: dead_children(machine) == 0)
    assert "sleep" in user.says("exec", "default/parent", "--", "sh", "-c", "cat /proc/[0-9]*/comm")


def dead_children(parent):
    found = 0
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, above = each.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        found += state == "Z" and int(above) == parent
    return found


def first(user):
    """The first process of the lab, which has the same command line as the launcher but for the launcher's own."""
    launcher = user.named("unshare")
    return int(Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()[0])
