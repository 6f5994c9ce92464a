"""What every page is made of: one template, one style, one script, and the rows of its tables as data.

The content security policy admits exactly our own script and style, by their hashes, and no connection at all.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from sidestep.report.encoded import encoded
from sidestep.report.units import UNSEEN, count, exact, window


class Frame(Struct, frozen=True):
    """Names of assets: what makes a page of one kind.

    Attributes:
        template: extends `page.html`.
        scripts: run one after the other.
        styles: one after the other.
    """

    template: str
    scripts: tuple[str, ...]
    styles: tuple[str, ...] = ("page.css",)


def fill(frame: Frame, told: Mapping[str, Any], rows: Mapping[str, Any]) -> str:
    """The page.

    Args:
        frame: its kind.
        told: what the template tells, by name.
        rows: of the tables, for the script.
    """
    script, style = _joined(frame.scripts), _joined(frame.styles)
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"exact": exact, "count": count, "window": window}
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    page = environment.get_template(frame.template).render(
        told, script=script, style=style, policy=policy, data=_embedded(rows)
    )
    return page.translate(UNSEEN)


def _joined(names: tuple[str, ...]) -> Markup:
    return Markup("".join(map(_asset, names)))  # noqa: S704 - our own files


def _asset(name: str) -> str:
    return files("sidestep.report.html").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(rows: Mapping[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = encoded(rows).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - JSON
