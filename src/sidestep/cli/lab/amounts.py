"""Amounts that verbs of the lab take: shares and sizes of memory."""

from typing import Any

import click

from sidestep.model.quantity import whole_bytes


class Share(click.ParamType[float]):
    """A share between nothing and all: `0.1%` or `0.001`."""

    name = "share"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> float:
        """The share of one."""
        if isinstance(value, float):
            return value
        try:
            text = str(value)
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            self.fail(f"{value!r} is no share; write e.g. 0.1% or 0.001")
        return share


class Size(click.ParamType[int]):
    """Bytes of memory as Kubernetes writes them: `40Mi`."""

    name = "size"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """Bytes."""
        found = whole_bytes(value)
        if found is None or found < 0:
            self.fail(f"{value!r} is no size; write e.g. 40Mi")
        return found
