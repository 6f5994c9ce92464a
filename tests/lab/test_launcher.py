"""The launcher: namespaces of one's own without root, nothing left after any death, and clear words where it cannot be."""

import errno
import os
import resource
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from tests.support.lab import ROOT, USERS, environment, fabric, launched, node, pod_address, run_inside
from tests.support.labs import eventually

from sidestep.errors import UsageError
from sidestep.lab import launcher
from sidestep.lab.net import nft
from sidestep.lab.net.fabric import Fabric
from sidestep.lab.net.interfaces import interfaces_up
from sidestep.lab.net.netlink import Netlink, up

REAL = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000));"
    "from sidestep.lab import launcher\n"
    "try: launcher.check()\n"
    "except Exception as error: print(error)"
)


def within() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "up": interfaces_up(),
        "user": os.geteuid(),
        "files": len(set(resource.getrlimit(resource.RLIMIT_NOFILE))),
        "processes": sum(each.name.isdecimal() for each in Path("/proc").iterdir()),
    }


@pytest.mark.parametrize("user", USERS)
def test_a_program_is_the_first_in_namespaces_of_its_own(user):
    assert run_inside(within, user=user) == {"pid": 1, "up": [], "user": 0, "files": 1, "processes": 1}


CITY = """
import os, subprocess, sys, time
from tests.support.lab import fabric, greeter, node, pod_address
lab = fabric()
one = node(lab, 0)
for number in range(20):
    one.add_pod(f"pod-{number}", pod_address(0, number)).capture()
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
orphan = subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null & echo started"], stdout=subprocess.PIPE)
print("up", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("victim", ["launcher", "first"])
def test_nothing_is_left_after_a_kill(user, victim):
    mark = uuid.uuid4().hex
    mounts = Path("/proc/mounts").read_text()
    lab = subprocess.Popen(
        launched(["-c", CITY], user), cwd=ROOT, env=environment(user) | {"LAB_MARK": mark}, stdout=subprocess.PIPE
    )
    try:
        assert lab.stdout.readline() == b"up\n"
        assert eventually(lambda: len(marked(mark)) >= 4), "the launcher, the lab, a child and an orphan"
        first = max(children(lab.pid), key=int)
        os.kill(lab.pid if victim == "launcher" else int(first), signal.SIGKILL)
        lab.wait(10)
        assert eventually(lambda: marked(mark) == [])
        assert Path("/proc/mounts").read_text() == mounts
    finally:
        lab.kill()
        lab.wait()
        lab.stdout.close()


def marked(mark: str) -> list[str]:
    """Processes that have a mark in their environment."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdecimal() and mark.encode() in (each / "environ").read_bytes():
                found.append(each.name)
        except OSError:
            continue
    return found


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_where_it_cannot_be_it_says_why_and_what_to_do(monkeypatch):
    def told(**changes: object) -> str:
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(*{"platform": (sys, "platform"), "user": (os, "geteuid"), "tried": (launcher, "_tried"), "path": (launcher.shutil, "which")}[name], value)  # fmt: skip
            with pytest.raises(UsageError) as refused:
                launcher.check()
        return str(refused.value)

    assert "needs Linux, and this is darwin" in told(platform="darwin")
    assert "install util-linux" in told(path=lambda _: None)
    ordinary = told(user=lambda: 1000, tried=lambda: errno.EPERM)
    assert "does not let an ordinary user have namespaces: Operation not permitted" in ordinary
    assert "run it as root" in ordinary
    assert "--cap-add SYS_ADMIN" in told(user=lambda: 0, tried=lambda: errno.EPERM)


def test_the_setting_that_blocks_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(launcher, "_SETTINGS_FOLDER", tmp_path)
    blocker = tmp_path / "kernel" / "apparmor_restrict_unprivileged_userns"
    blocker.parent.mkdir()
    blocker.write_text("1\n")
    assert launcher._remedy() == "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run it as root"
    blocker.write_text("0\n")
    assert "outside of the container" in launcher._remedy()


def test_a_kernel_that_really_refuses():
    """In a user namespace whose limits are nought."""
    run_inside(within)
    shut = "echo 0 > /proc/sys/user/max_net_namespaces; exec " + f"{sys.executable} -c '{REAL}'"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", shut],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "root may not make network namespaces here: the limit is reached" in done.stdout, done.stderr


def test_too_few_files_are_said_before_anything_starts(monkeypatch):
    monkeypatch.setattr(launcher, "_tried", lambda: 0)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    with pytest.raises(UsageError, match="may open only 256 files"):
        launcher.check()


def out_of_files() -> list[str]:
    lab = fabric()
    one = node(lab, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    told = []
    for number in range(60):
        try:
            one.add_pod(f"pod-{number}", pod_address(0, number))
        except UsageError as error:
            told.append(str(error))
    return [*sorted(set(told)), str(len(one.pods) > 5)]


def test_no_descriptor_left_is_said():
    told, enough = run_inside(out_of_files)
    assert told.startswith("no file descriptor is left for the lab's network\n  to fix: raise the hard limit")
    assert enough == "True"


def without_the_library() -> str:
    nft._LIBRARY = "libnothing.so.1"
    try:
        node(fabric(), 0)
    except UsageError as error:
        return str(error)
    return ""


def test_a_missing_library_is_named_with_its_package():
    told = run_inside(without_the_library)
    assert told.startswith("the lab needs nftables, and libnothing.so.1 is not here")
    assert "apt-get install libnftables1" in told


def a_namespace_in_use() -> str:
    with Netlink() as line:
        line.send([up(1)])
    try:
        Fabric(Path("/tmp"))
    except UsageError as error:
        return str(error)
    return ""


def test_somebodys_network_is_left_alone():
    assert "and here lo works already" in run_inside(a_namespace_in_use)
