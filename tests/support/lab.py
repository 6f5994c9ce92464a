"""Scenes in the lab: functions that run in namespaces of their own, as root and as an ordinary user.

A scene is a function at the top of a test's file. It runs in another process, started by the lab's launcher; what it
returns comes back as JSON, and what it raises fails the test.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tools.test_servers import Unavailable, library_path

from sidestep.errors import UsageError
from sidestep.lab import launcher
from sidestep.lab.cluster.addresses import Pair, pods_of
from sidestep.lab.net.fabric import Fabric, Node
from sidestep.lab.net.namespaces import Namespace, inside

ROOT = Path(__file__).resolve().parent.parent.parent
SCRATCH = "/run"
"""Where scenes mount a folder of their own: not over a place in which somebody may have cloned us."""
USERS = ("root", "ordinary")
_RUN = "import importlib.util, json, sys; from tests.support.lab import play; play(*json.loads(sys.argv[1]))"
_PATIENCE = 5.0


def run_inside(scene: Callable[..., Any], *arguments: Any, user: str = "", timeout: float = 60) -> Any:
    """What a scene returns.

    Args:
        scene: a function at the top of its file.
        arguments: of the scene, as JSON can carry them.
        user: `root` or `ordinary`; whoever runs the tests, if neither.
        timeout: seconds.
    """
    told = json.dumps([scene.__code__.co_filename, scene.__name__, list(arguments)])
    done = subprocess.run(
        launched(["-c", _RUN, told], user), cwd=ROOT, env=environment(user), capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{scene.__name__} as {user or 'whoever runs the tests'}:\n{done.stderr[-6000:]}")
    return json.loads(done.stdout.rpartition("\n")[2])


def launched(arguments: Sequence[str], user: str = "") -> list[str]:
    """A command that runs Python with these arguments in the launcher; the test is skipped where that cannot be."""
    _needs(user)
    ordinary = user == "ordinary" and os.geteuid() == 0
    start = f"from sidestep.lab import launcher; launcher.start({list(arguments)!r})"
    drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if ordinary else []
    return [*drop, _python() if ordinary else sys.executable, "-c", start]


def python_of(user: str = "") -> str:
    """The interpreter that a user runs; the test is skipped where a lab cannot be."""
    _needs(user)
    return _python() if user == "ordinary" and os.geteuid() == 0 else sys.executable


def environment(user: str = "") -> dict[str, str]:
    """In which a launched command finds our code and the library of nftables."""
    paths = [str(ROOT / "src"), str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))]
    home = {"HOME": "/nonexistent"} if user == "ordinary" else {}
    return {**os.environ, **home, "PYTHONPATH": os.pathsep.join(paths), "LD_LIBRARY_PATH": _library()}


def play(file: str, name: str, arguments: list[Any]) -> None:
    """Run a scene, in its own process."""
    import importlib.util  # noqa: PLC0415 - not in the process of the tests

    spec = importlib.util.spec_from_file_location("scene", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = getattr(module, name)(*arguments)
    sys.stdout.write("\n" + json.dumps(result))
    sys.stdout.flush()
    os._exit(0)


def _needs(user: str) -> None:
    if user == "root" and os.geteuid() != 0:
        pytest.skip("only root can be root")
    try:
        launcher.check()
    except UsageError as error:
        pytest.skip(f"no lab here: {error}")
    if user == "ordinary" and os.geteuid() == 0:
        _python()


@cache
def _library() -> str:
    try:
        return library_path("libnftables.so.1")
    except Unavailable as error:
        pytest.skip(f"nftables cannot be had here: {error}")


@cache
def _python() -> str:
    """An interpreter of our version that an ordinary user can run with our code and its dependencies."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin:/bin")]
    for candidate in filter(None, candidates):
        if _works(candidate):
            return candidate
    pytest.skip("an ordinary user can read no Python of this version, or not our code: it lies below a closed folder")


def _works(interpreter: str) -> bool:
    nobody = pwd.getpwnam("nobody")
    try:
        done = subprocess.run(
            [interpreter, "-c", "import sidestep.lab.launcher, tests.support.lab"],
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], env=environment("ordinary"), cwd="/",
            capture_output=True, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0


# What scenes are made of.


def fabric(folder: str = "", delay: float = 0.0, loss: float = 0.0) -> Fabric:
    """A fabric with a folder of its own, which is gone with the scene: it lies on a mount of its own."""
    place = Path(folder or SCRATCH)
    if not folder:
        subprocess.run(["mount", "-t", "tmpfs", "lab", str(place)], check=True)
    return Fabric(place / "netns", delay, loss)


def node(of: Fabric, number: int, zone: str = "") -> Node:
    """A node with the addresses that the lab would give it."""
    address = Pair(f"172.18.0.{number + 1}", f"fd00:172:18::{number + 1:x}")
    return of.add_node(f"node-{number}", address, pods_of(number), zone)


def pod_address(node: int, number: int) -> Pair:
    """A pod's addresses on a node."""
    four, six = (ip_network(each).network_address for each in pods_of(node))
    return Pair(str(four + number + 2), str(six + number + 2))


def made(namespace: Namespace, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket in a namespace."""
    with inside(namespace):
        return socket.socket(family, kind)


def connected(namespace: Namespace, address: str, port: int, patience: float = _PATIENCE) -> socket.socket:
    """A TCP connection from a namespace."""
    found = made(namespace, _family(address))
    found.settimeout(patience)
    found.connect((address, port))
    return found


def asked(namespace: Namespace, address: str, port: int, patience: float = _PATIENCE) -> str:
    """What a `greeter` says to a new connection, or the name of the error."""
    try:
        with connected(namespace, address, port, patience) as line:
            return line.makefile().readline().strip()
    except OSError as error:
        return type(error).__name__


@contextmanager
def greeter(namespace: Namespace, port: int, name: str, address: str = "::") -> Iterator[None]:
    """Listens in a namespace and tells each who comes its own name and from where; then echoes lines."""
    listener = made(namespace, _family(address))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(128)

    def serve(line: socket.socket, peer: str) -> None:
        with line, line.makefile("rw") as file:
            file.write(f"{name} {peer.removeprefix('::ffff:')}\n")
            file.flush()
            for each in file:
                file.write(each)
                file.flush()

    def accept() -> None:
        while True:
            try:
                line, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(serve, line, peer[0]), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _quietly(serve: Callable[[socket.socket, str], None], line: socket.socket, peer: str) -> None:
    with suppress(OSError):
        serve(line, peer)


class Talk:
    """An open connection to a greeter.

    Attributes:
        greeting: what it said first.
    """

    def __init__(self, namespace: Namespace, address: str, port: int) -> None:
        self._file = connected(namespace, address, port).makefile("rw")
        self.greeting = self._file.readline().strip()

    def echoes(self, word: str) -> bool:
        """Whether it still answers."""
        try:
            self._file.write(f"{word}\n")
            self._file.flush()
            return self._file.readline().strip() == word
        except OSError:
            return False


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
