"""Speed and memory of whole conversions of repositories: to a folder, and in place.

    python -m bench.convert [--sizes 5000,20000] [--rounds 3] [--write]

Sizes are numbers of objects, about (see `bench/convert_repository.py`). Each measurement is a process of its own,
measured by the operating system; the forms take turns. Edits in place have a fresh copy of the repository each time.
Nothing is proved: that is what `bench/prove.py` measures.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.audit import BUILD, PROGRAM, Cost, middle, run
from bench.convert_repository import write
from bench.page import markdown, renew

FORMS = ("read", "out", "in place")
_TITLES = ("form", "files", "objects", "s", "CPU s", "ms CPU for an object", "peak MiB")


@dataclass(frozen=True)
class Repository:
    """One that was generated."""

    folder: Path
    objects: int

    @property
    def files(self) -> int:
        """How many it has."""
        return sum(1 for _ in self.folder.rglob("*.yaml"))


def generated(objects: int) -> Repository:
    """A repository of that size, made anew."""
    folder = BUILD / f"repository-{objects}"
    shutil.rmtree(folder, ignore_errors=True)
    return Repository(folder, write(objects, folder))


def convert(form: str, repository: Repository) -> Cost:
    """One run; *read* prints what would be done, and writes nothing."""
    source, out, given = repository.folder, BUILD / "converted", list[str]()
    shutil.rmtree(out, ignore_errors=True)
    if form == "in place":
        source, given = shutil.copytree(repository.folder, out), ["--in-place"]
    elif form == "out":
        given = ["--out", str(out)]
    return run(str(PROGRAM), "convert", "-q", "--no-prove", "--from", str(source), *given)


def measure(repository: Repository, rounds: int) -> dict[str, Cost]:
    """Medians of rounds in which the forms take turns, after one that only warms the disk."""
    taken: dict[str, list[Cost]] = {form: [] for form in FORMS}
    for number in range(rounds + 1):
        for form in FORMS:
            cost = convert(form, repository)
            if number or not rounds:
                taken[form].append(cost)
    return {form: middle(costs) for form, costs in taken.items()}


def table(found: list[tuple[Repository, dict[str, Cost]]]) -> str:
    """Markdown."""
    return markdown(
        _TITLES,
        (
            (
                form,
                f"{repository.files:,}",
                f"{repository.objects:,}",
                f"{cost.wall:.1f}",
                f"{cost.cpu:.1f}",
                f"{cost.cpu * 1e3 / repository.objects:.2f}",
                f"{cost.peak:,.0f}",
            )
            for repository, costs in found
            for form, cost in costs.items()
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="5000,20000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = [generated(int(size)) for size in given.sizes.split(",")]
    told = table([(each, measure(each, given.rounds)) for each in found])
    print(told)
    if given.write:
        renew("conversions", told)


if __name__ == "__main__":
    main()
