"""`sidestep lab demo`: a difference between sidecars and ambient, shown by packets."""

from typing import Any

import click
import yaml

from sidestep.cli.lab.choices import terminal_width
from sidestep.cli.live import live_line
from sidestep.cli.output import check_writable, emit, look
from sidestep.demo.play import play
from sidestep.demo.result import Demo
from sidestep.demo.scene import Scene
from sidestep.demo.scenes import SCENES, UNSHOWN, scenes_of
from sidestep.errors import UsageError
from sidestep.report.json_document import render as json_document
from sidestep.report.lab.demo import listed, text
from sidestep.semantics.differences.catalogue import BY_CODE, DIFFERENCES


@click.command("demo")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option("--all", "every", is_flag=True, help="All that can be shown; some minutes.")
@click.option(
    "--objects",
    type=click.Choice(("sidecars", "ambient")),
    help="Bring nothing up: print the objects of one mesh, as `sidestep lab up -` takes them.",
)
@click.option("--name", default="demo", show_default=True, metavar="NAME", help="Of the lab that is brought up.")
@click.option("-o", "--output", type=click.Choice(("table", "json")), default="table", help="Format.")
@click.option("--out", metavar="FILE", help="Write there instead of to stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def demo(codes: tuple[str, ...], **values: Any) -> int:
    """Show differences between sidecars and ambient by packets: `sidestep lab demo D06`.

    A lab of its own becomes the smallest mesh of a difference, with sidecars and then in ambient; the request that
    tells is sent in both, and what becomes of it stands beside what Sidestep foretells. Without a CODE it lists which
    differences can be shown, and why the others cannot. Exits with 2 where packets did otherwise than foretold.
    """
    if values["out"]:
        check_writable(values["out"])
    scenes = SCENES if values["every"] else tuple(each for code in codes for each in _scenes(code))
    width = None if values["out"] else terminal_width()
    if not scenes:
        emit(listed(DIFFERENCES, (each.code for each in SCENES), UNSHOWN, width), values["out"])
        return 0
    if values["objects"]:
        emit("---\n".join(_objects(each, values["objects"]) for each in scenes), values["out"])
        return 0
    found = _played(scenes, values["name"], quiet=values["quiet"])
    told = json_document(found, look(no_color=True, to_file=True)) if values["output"] == "json" else text(found, width)
    emit(told, values["out"])
    return 0 if all(each.agrees for each in found.shown) else 2


def _played(scenes: tuple[Scene, ...], name: str, *, quiet: bool) -> Demo:
    if quiet:
        return Demo(tuple(play(scenes, name)))
    with live_line("bringing the lab up") as update:
        return Demo(tuple(play(scenes, name, update or (lambda what: click.echo(what, err=True)))))


def _scenes(word: str) -> tuple[Scene, ...]:
    code = word.upper()
    if code not in BY_CODE:
        raise UsageError(f"no difference is called {word!r}", remedy="name one of D01 to D63: `sidestep lab demo`")
    found = scenes_of(code)
    if not found:
        raise UsageError(f"{code} cannot be shown: {UNSHOWN[code]}", remedy=f"read {BY_CODE[code].page}")
    return found


def _objects(scene: Scene, side: str) -> str:
    objects = scene.sidecars if side == "sidecars" else scene.ambient
    return f"# {scene.code}: {scene.name}. {scene.question.words}\n" + yaml.safe_dump_all(objects, sort_keys=False)
