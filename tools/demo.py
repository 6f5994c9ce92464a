"""What `make demo` runs: a realistic mesh, its audit as one would run it, and the report to open."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "demo"
PROGRAM = Path(sys.executable).parent / "sidestep"


def say(text: str) -> None:
    print(text, flush=True)


def run(*arguments: str) -> None:
    """Show a command and run it."""
    say(f"\n$ sidestep {' '.join(arguments)}\n")
    subprocess.run([PROGRAM, *arguments], check=True, cwd=ROOT)


def main() -> None:
    mesh = BUILD / "mesh"
    say("Generating a mesh of 60 nodes and about 2,000 pods, with one of everything that goes wrong …")
    subprocess.run([sys.executable, "-m", "tools.meshgen", "--out", str(mesh)], check=True, cwd=ROOT)
    shown = str(mesh.relative_to(ROOT))
    report = str((BUILD / "audit.html").relative_to(ROOT))
    run("audit", "--from", shown, "--prices", "docs/examples/prices.yaml")
    run("audit", "--quiet", "--from", shown, "--prices", "docs/examples/prices.yaml", "--out", report)
    say(f"The same as a page to read: {report}")
    say("Next: `sidestep audit` on your own cluster, or `sidestep audit --from FOLDER` on your manifests.")


if __name__ == "__main__":
    main()
