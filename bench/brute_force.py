"""Random requests by the million against what the prover says of small random meshes.

    python -m bench.brute_force [--requests 1000000] [--each 1000] [--first-seed 1000]

What it calls equal is equal, and every direction in which any request differs it has found; a seed for which that does
not hold is printed with the request, and nothing else is an error.
"""

import argparse
import time

from tests.prove.brute import Seeded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=1_000, help="of one pair of meshes")
    parser.add_argument("--first-seed", type=int, default=1_000)
    wanted = parser.parse_args()
    asked = differing = missed = equal = pairs = 0
    start = time.process_time()
    while asked < wanted.requests:
        seed = wanted.first_seed + pairs
        found = Seeded(seed)
        found.ask(min(wanted.each, wanted.requests - asked))
        asked, differing, missed = asked + found.asked, differing + found.differing, missed + len(found.wrong)
        equal, pairs = equal + (not found.run.found and not found.run.undecided), pairs + 1
        for each in found.wrong:
            print(f"seed {seed}: {each}")
    print(f"{asked:,} requests of {pairs:,} pairs of meshes, of which {equal:,} were proved equal")
    print(f"{differing:,} differ, {missed:,} were missed; {time.process_time() - start:.0f} s of CPU")


if __name__ == "__main__":
    main()
