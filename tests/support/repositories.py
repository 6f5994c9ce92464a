"""Repositories of a user, with the shop in them, and plans of what they hold."""

import shutil
import subprocess
from pathlib import Path

from tests.support.commands import sidestep

SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"


class Repository:
    """A repository with one commit: the shop, in `mesh/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mesh").mkdir(parents=True)
        shutil.copy(SHOP, folder / "mesh" / "shop.yaml")
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("config", "user.name", "A Person")
        self.git("config", "user.email", "person@example.com")
        self.commit("start")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", self.folder, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def tree(self, name: str) -> str:
        """What a commit holds, as one name."""
        return self.git("rev-parse", f"{name}^{{tree}}")

    def subjects(self, branch: str) -> list[str]:
        """Of commits since the start, the oldest first."""
        return self.git("log", "--reverse", "--format=%s", f"main..{branch}").splitlines()


def planned(mesh: Path, folder: Path) -> Path:
    """A plan of a folder of manifests."""
    done = sidestep("plan", "--from", mesh, "--out", folder, "-q")
    assert done.returncode == 0, done.stderr
    return folder
