"""Which program is the nodes' proxy."""

from pathlib import Path
from typing import Any

import click

from sidestep.lab.ztunnel import check

_ENVOY, _ZTUNNEL = "envoy", "ztunnel="


class NodeProxy(click.ParamType[str]):
    """`envoy`, or `ztunnel=PATH`: the path of Istio's own program, empty for Envoy."""

    name = "proxy"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """The path; the lab runs elsewhere, so it is told from the root."""
        text = str(value)
        if text in ("", _ENVOY):
            return ""
        if not text.startswith(_ZTUNNEL):
            self.fail(f"{text!r} is no proxy of nodes; write envoy, or ztunnel=PATH")
        program = Path(text.removeprefix(_ZTUNNEL)).expanduser().absolute()
        check(program)
        return str(program)
