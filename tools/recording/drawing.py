"""Pictures of a screen as one SVG that moves by CSS alone, as READMEs may show it."""

from collections.abc import Sequence
from html import escape

from tools.recording.terminal import Picture, Row, Run

_WIDE, _HIGH = 8.43, 19
_MARGIN = 18
_COLOURS = {
    "default": "#d6dee8",
    "black": "#6b7a8c",
    "red": "#ff7b72",
    "green": "#5fd38d",
    "brown": "#e3b341",
    "blue": "#79b8ff",
    "magenta": "#d2a8ff",
    "cyan": "#62d6e8",
    "white": "#ffffff",
    "brightblack": "#8394a7",
}
_STYLE = (
    "text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}}"
    ".b{{font-weight:700}}"
    "#film{{animation:film {seconds:.2f}s step-end infinite}}"
    "@keyframes film{{{keys}}}"
    "@media (prefers-reduced-motion:reduce){{#film{{animation:none;transform:translateX(-{last}px)}}}}"
)


def drawing(pictures: Sequence[Picture], columns: int, rows: int, title: str, hold: float) -> str:
    """The whole film.

    Args:
        pictures: in order of time.
        columns: of the screen.
        rows: of the screen.
        title: what a reader who cannot see it is told.
        hold: seconds that the last picture stays.
    """
    width, height = round(columns * _WIDE) + 2 * _MARGIN, rows * _HIGH + 2 * _MARGIN
    seconds = pictures[-1].at + hold
    keys = "".join(
        f"{100 * picture.at / seconds:.3f}%{{transform:translateX(-{number * width}px)}}"
        for number, picture in enumerate(pictures)
    )
    known: dict[Row, str] = {}
    frames = "".join(_frame(number * width, picture, known) for number, picture in enumerate(pictures))
    shared = "".join(f'<g id="{name}">{"".join(map(_run, row))}</g>' for row, name in known.items())
    style = _STYLE.format(seconds=seconds, keys=keys, last=(len(pictures) - 1) * width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
        f"<title>{escape(title)}</title><style>{style}</style><defs>{shared}</defs>"
        f'<rect width="100%" height="100%" rx="10" fill="#10151c"/><g id="film">{frames}</g></svg>\n'
    )


def _frame(left: int, picture: Picture, known: dict[Row, str]) -> str:
    used = []
    for number, row in enumerate(picture.rows):
        if row:
            name = known.setdefault(row, f"r{len(known)}")
            used.append(f'<use href="#{name}" y="{_MARGIN + number * _HIGH}"/>')
    return f'<g transform="translate({left})">{"".join(used)}</g>'


def _run(run: Run) -> str:
    colour = _COLOURS.get(run.colour, f"#{run.colour}" if len(run.colour) == 6 else _COLOURS["default"])
    bold = ' class="b"' if run.bold else ""
    left, length = _MARGIN + run.column * _WIDE, len(run.text) * _WIDE
    return f'<text x="{left:.1f}" y="14" fill="{colour}" textLength="{length:.1f}"{bold}>{escape(run.text)}</text>'
