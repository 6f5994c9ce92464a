"""What `make demo` runs: a realistic mesh, its audit, one request before and after, plan, conversion, proof, lab."""

import os
import subprocess
import sys
import time
from pathlib import Path

from sidestep.errors import SidestepError
from sidestep.lab.launcher import check
from tools.test_servers import library_path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "demo"
PROGRAM = Path(sys.executable).parent / "sidestep"


def say(text: str) -> None:
    print(text, flush=True)


def run(*arguments: str, expected: int = 0) -> None:
    """Show a command and run it; stops where it does not end as expected."""
    say(f"\n$ sidestep {' '.join(arguments)}\n")
    code = subprocess.run([PROGRAM, *arguments], check=False, cwd=ROOT).returncode
    if code != expected:
        raise SystemExit(f"it ended with {code} where {expected} was expected")


def convert_and_prove() -> None:
    """The shop rewritten and proved, and what flipping labels alone would do to it."""
    shop = ("--from", "docs/examples/shop.yaml")
    say("\nThe shop's configuration, rewritten for ambient, and proved to mean the same in the end:")
    run("convert", *shop, "--out", str((BUILD / "converted").relative_to(ROOT)))
    say("\nThe naive way, labels flipped and nothing else, is shown to differ:")
    run("prove", *shop, "--plan", "labels", expected=3)
    say("\nOurs, in every state on the way; refused more often, or in another form, is taken for fine:")
    run("prove", *shop, "--plan", "planned", "--accept-preset", "closed", "--accept-preset", "shape")


def lab() -> None:
    """An ambient mesh on this machine: pods enrolled live under load, and a policy that holds."""
    try:
        check()
    except SidestepError as error:
        say(f"\nThe lab is left out here. {error}")
        return
    say("\nA small cluster on this machine, with the real Envoy; nothing of it is in ambient yet:")
    name = ("--name", "demo")
    os.environ["LD_LIBRARY_PATH"] = library_path("libnftables.so.1")
    run("lab", "up", *name, "--detach", "docs/examples/lab.yaml")
    try:
        _under_load(name)
        run("lab", "ls", *name)
        say("\nOnly web may call orders now, and nobody without an identity:")
        run("lab", "apply", *name, "-f", "docs/examples/lab-policies.yaml")
        run("lab", "call", *name, "shop/web", "shop/orders", "--count", "3")
        run("lab", "call", *name, "shop/stranger", "shop/orders", expected=2)
        run("lab", "top", *name)
    finally:
        run("lab", "down", *name)
    hybrid(name)
    rehearse()


def hybrid(name: tuple[str, str]) -> None:
    """Sidecars, ambient and no mesh in one: who calls whom, a policy that is passed by, and a difference by itself."""
    say("\nOne mesh of both kinds, and who sees its calls:")
    run("lab", "up", *name, "--detach", "docs/examples/hybrid.yaml")
    try:
        run("lab", "call", *name, "old/web", "old/web", "--count", "3")
        run("lab", "graph", *name)
        say("\nThe waypoint refuses DELETE to who asks it, and a sidecar does not ask:")
        run("lab", "apply", *name, "-f", "docs/examples/hybrid-policy.yaml")
        run("lab", "call", *name, "new/stock", "new/orders", "-X", "DELETE", expected=2)
        run("lab", "call", *name, "old/web", "new/orders", "-X", "DELETE")
    finally:
        run("lab", "down", *name)
    say("\nA difference by itself: with sidecars, and in ambient:")
    run("lab", "demo", *name, "D06")


def rehearse() -> None:
    """The shop's plan carried out with sidecars and ambient side by side, and what each of them costs here."""
    page = str((BUILD / "rehearsal.html").relative_to(ROOT))
    shop = ("--from", "docs/examples/shop.yaml", "--baseline", "4s", "--gate-window", "2s")
    say("\nThe shop's plan, carried out in a lab under load and taken back:")
    say(f"\n$ sidestep rehearse {' '.join(shop)} -o html --out {page}\n")
    code = subprocess.run([PROGRAM, "rehearse", *shop, "-o", "html", "--out", page], check=False, cwd=ROOT).returncode
    say(f"see {page}" if code in {0, 2} else f"it ended with {code}")
    say("\nWhat each data plane costs on this machine, measured far too shortly:")
    chosen = (word for name in ("sidecar", "l4", "l7") for word in ("--scenario", name))
    run("lab", "bench", *chosen, "--rounds", "1", "--duration", "1s", "--pods", "0", "--starts", "1", "-q")


def _under_load(name: tuple[str, str]) -> None:
    say("\nTwo hundred requests a second, while the namespace is enrolled and its pods stay where they are:")
    arguments = ["lab", "load", *name, "shop/web", "shop/orders", "--rate", "200", "--duration", "5s"]
    say(f"\n$ sidestep {' '.join(arguments)} &")
    load = subprocess.Popen([PROGRAM, *arguments], cwd=ROOT)
    time.sleep(1)
    run("lab", "label", *name, "namespace/shop", "istio.io/dataplane-mode=ambient")
    if load.wait():
        raise SystemExit("a request was lost while pods were enrolled")


def main() -> None:
    mesh = BUILD / "mesh"
    say("Generating a mesh of 60 nodes and about 2,000 pods, with one of everything that goes wrong …")
    subprocess.run([sys.executable, "-m", "tools.meshgen", "--out", str(mesh)], check=True, cwd=ROOT)
    shown = str(mesh.relative_to(ROOT))
    report = str((BUILD / "audit.html").relative_to(ROOT))
    prices = ("--prices", "docs/examples/prices.yaml")
    run("audit", "--from", shown, *prices)
    run("audit", "--quiet", "--from", shown, *prices, "--out", report)
    say("\nA policy refuses DELETE. What becomes of it when only labels are flipped, and by the plan?")
    request = ("--client", "shop/web", "--to", "orders", "--method", "DELETE", "--path", "/orders/7")
    run("explain", "--from", "docs/examples/shop.yaml", *request)
    folder = str((BUILD / "plan").relative_to(ROOT))
    run("plan", "--from", shown, *prices, "--out", folder)
    page = str((BUILD / "plan.html").relative_to(ROOT))
    run("plan", "--quiet", "--from", shown, *prices, "--out", page)
    convert_and_prove()
    lab()
    say(f"\nPages to read: {report} and {page}; the plan to review: {folder}/plan.md")
    say("Next: `sidestep audit`, `explain`, `plan`, `convert` and `prove` on your own cluster,")
    say("or with `--from FOLDER` on your manifests.")


if __name__ == "__main__":
    main()
