"""Fetch or build the real servers that the tests run against, into a cache outside the tree.

kube-apiserver, the controllers beside it and KWOK are built from their Go modules (minutes, once); etcd, Prometheus and
the library of nftables are taken out of Debian's packages without installing them; Chromium is installed where we may.
What cannot be had is said, and the tests that need it are skipped by name. kubectl and Helm are built likewise.
"""

import argparse
import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sidestep"
GO_PROGRAMS = {
    "kube-apiserver": ("apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("apiserver", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("apiserver", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "kubectl": ("apiserver", "k8s.io/kubernetes/cmd/kubectl"),
    "helm": ("helm", "helm.sh/helm/v3/cmd/helm"),
    "otelcol": ("collector", "."),
}
"""The folder in tests/ whose go.mod pins each, and its package."""
INSTALLED = {"chromedriver": "chromium-driver"}
"""What is installed rather than unpacked, by another name than the program's."""
PACKAGES = {"etcd": "etcd-server", "prometheus": "prometheus", "promtool": "prometheus"}
LIBRARIES = {"libnftables.so.1": ("libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libgmp10", "libxtables12")}
"""What the lab loads, and the packages that bring it and what it loads itself."""
CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok")
"""What makes pods of a Deployment in a cluster of which only the API is there."""
USUAL = (
    "kube-apiserver",
    "etcd",
    "prometheus",
    "promtool",
    "chromium",
    "chromedriver",
    "kubectl",
    "helm",
    *CONTROLLERS,
)


class Unavailable(Exception):  # noqa: N818 - a state of the machine, not a fault
    """This machine cannot have a server, and why."""


def path_of(name: str) -> Path | None:
    """Where a server is, if it is there."""
    if name in GO_PROGRAMS:
        built = _built(name)
        return built if built.exists() else None
    if name in PACKAGES:
        unpacked = _tree(PACKAGES[name]) / "usr" / "bin" / name
        if unpacked.exists():
            return unpacked
    found = shutil.which(name)
    return Path(found) if found else None


def have(name: str) -> Path:
    """Where a server is, fetched or built now if need be."""
    found = path_of(name)
    if found is None:
        with _lock():
            found = path_of(name) or _get(name)
    return found


def library_path(name: str) -> str:
    """For `LD_LIBRARY_PATH`: the folders in which a library and what it needs are unpacked; empty if it is installed.

    Root installs it, since tests that are run as an ordinary user cannot read root's cache.

    Raises:
        Unavailable: it is neither here nor to be had.
    """
    if not _loads(name) and os.geteuid() == 0:
        with _lock():
            _install_package(LIBRARIES[name][0])
    if _loads(name):
        return ""
    with _lock():
        trees = [_tree(package) if _tree(package).exists() else _unpack(package) for package in LIBRARIES[name]]
    folders = {str(found.parent) for tree in trees for found in tree.rglob("*.so.*")}
    return os.pathsep.join(sorted(folders))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _get(name: str) -> Path:
    if name in GO_PROGRAMS:
        return _build(name)
    return _unpack(PACKAGES[name]) / "usr" / "bin" / name if name in PACKAGES else _install(name)


def _built(name: str) -> Path:
    """Keyed by what it is built from."""
    pinned = _module(name)
    key = hashlib.sha256((pinned / "go.mod").read_bytes() + (pinned / "go.sum").read_bytes()).hexdigest()[:16]
    return CACHE / "go" / key / name


def _module(name: str) -> Path:
    return ROOT / "tests" / GO_PROGRAMS[name][0]


def _build(name: str) -> Path:
    go = shutil.which("go")
    if go is None:
        raise Unavailable("Go is not installed")
    target = _built(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"building {name} (minutes, once) …", flush=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / name
        command = [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(made), GO_PROGRAMS[name][1]]
        _run(command, cwd=_module(name), env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"})
        made.replace(target)
    return target


def module_folders(pinned: str, *modules: str) -> dict[str, Path]:
    """Where the sources of Go modules are; which version is pinned by `tests/<pinned>/go.mod`.

    Raises:
        Unavailable: no Go, or the modules cannot be had.
    """
    go = shutil.which("go")
    if go is None:
        raise Unavailable("Go is not installed")
    folder = ROOT / "tests" / pinned
    _run([go, "mod", "download", *modules], cwd=folder)
    told = _run([go, "list", "-m", "-f", "{{.Path}}={{.Dir}}", *modules], cwd=folder)
    return {name: Path(found) for name, _, found in (line.partition("=") for line in told.splitlines())}


def _tree(package: str) -> Path:
    return CACHE / "debian" / package


def _unpack(package: str) -> Path:
    """A package's files, without installing it."""
    target = _tree(package)
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable("not a Debian machine")
    with tempfile.TemporaryDirectory(dir=_made(CACHE)) as scratch:
        download = ["apt-get", "download", package]
        _twice(lambda: _run(download, cwd=Path(scratch)))
        archive = next(Path(scratch).glob("*.deb"))
        unpacked = Path(scratch) / "unpacked"
        _run(["dpkg", "-x", str(archive), str(unpacked)])
        shutil.rmtree(target, ignore_errors=True)
        _made(target.parent)
        unpacked.replace(target)
    return target


def _install(name: str) -> Path:
    _install_package(INSTALLED.get(name, name))
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"package {INSTALLED.get(name, name)} brought no program {name}")
    return Path(found)


def _install_package(name: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable(f"install the package {name}; only root may")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", name]
    _twice(lambda: _run(command, env=environment))


def _twice(action: Callable[[], None]) -> None:
    """Once more with fresh package lists, which a new machine lacks."""
    try:
        action()
    except Unavailable:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "--quiet"])
        action()


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Unavailable(f"{command[0]} {command[1]} failed: {lines[-1]}")
    return done.stdout


@contextmanager
def _lock() -> Iterator[None]:
    """One builder at a time, whatever runs beside us."""
    with (_made(CACHE) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> int:
    """Get all usual servers, or those that are named; what cannot be had is no failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join((*USUAL, 'otelcol'))}")
    for name in parser.parse_args().names or USUAL:
        try:
            print(f"{name}: {have(name)}")
        except (Unavailable, OSError, StopIteration) as error:
            print(f"{name}: cannot be had here ({error}); tests that need it are skipped", file=sys.stderr)
    for library in LIBRARIES:
        try:
            print(f"{library}: {library_path(library) or 'installed'}")
        except (Unavailable, OSError, StopIteration) as error:
            print(f"{library}: cannot be had here ({error}); tests that need it are skipped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
