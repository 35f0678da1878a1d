"""Fill the page templates: one self-contained HTML file each, charts, style and script inside."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from attngru_bt.reports import tables
from attngru_bt.reports.chart import Chart
from attngru_bt.reports.plain import plain

if TYPE_CHECKING:
    from jinja2 import Environment

logger = logging.getLogger(__name__)

_CODE = re.compile(r"`([^`]+)`")
_THOUSANDS = 10_000.0


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("attngru_bt.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for show in ("whole", "one", "number", "three", "per_cent", "points", "date"):
        environment.filters[show] = getattr(tables, show)
    environment.filters["marked"] = marked
    environment.filters["breakable"] = breakable
    return environment


def marked(text: str) -> Markup:
    """Escape a sentence, and set what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def breakable(text: str) -> Markup:
    """Escape a setting, and let a line end after a bracket rather than within a word."""
    return Markup(str(escape(text)).replace("(", "(<wbr>"))


def fill(template: str, heading: str, **values: Any) -> str:
    """Return a whole page.

    Parameters
    ----------
    template : str
        Name of a file in ``templates/`` that extends ``base.html``.
    heading : str
        Title of the page and of its window.
    **values
        What the template shows. All text is escaped; a name that the template uses and that is not
        given is an error.
    """
    script, digest = _script()
    page = _environment().get_template(template)
    return page.render(heading=heading, script=script, digest=digest, **values) + "\n"


@cache
def _script() -> tuple[Markup, str]:
    """Return the pages' script, and the digest by which a browser knows it from any other."""
    text = (files("attngru_bt.reports") / "templates" / "charts.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), digest


@dataclass(frozen=True)
class Picture:
    """A chart under its title.

    Attributes
    ----------
    title : str
    body : Markup
        The chart; empty if it could not be drawn.
    problem : str
        Why it could not.
    wide : bool
        Whether it takes the whole row of a grid.
    """

    title: str
    body: Markup
    problem: str = ""
    wide: bool = False


def picture(
    title: str,
    draw: Callable[[], Chart | Sequence[Chart] | Mapping[str, Chart]],
    *,
    wide: bool = False,
) -> Picture:
    """Draw a chart, or several of which one is shown.

    One that cannot be drawn is replaced by a sentence and a warning, so that hours of computing are
    not lost for want of a picture.

    Parameters
    ----------
    title : str
    draw : callable
        Returns a chart, or several below each other, or charts by what they are called on the
        switch between them.
    wide : bool, default=False
    """
    try:
        drawn = draw()
        if isinstance(drawn, Mapping):
            body = _switch(title, drawn)
        else:
            charts = [drawn] if isinstance(drawn, Chart) else drawn
            body = Markup("").join(chart.html() for chart in charts)
    except Exception as error:  # whatever a user's names and data do to it
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"{title!r} could not be drawn ({reason})"
        logger.warning("%s; the page is written without it.", problem)
        logger.debug("where it failed", exc_info=True)
        return Picture(title, Markup(), problem, wide)
    return Picture(title, body, wide=wide)


def _switch(title: str, charts: Mapping[str, Chart]) -> Markup:
    """Show one of several charts: radio buttons, so that no script is needed."""
    name = "".join(character if character.isalnum() else "-" for character in title.lower())
    buttons = Markup("").join(
        Markup('<label><input type="radio" name="{}"{}>{}</label>').format(
            name, Markup(" checked") if i == 0 else "", text
        )
        for i, text in enumerate(charts)
    )
    panes = Markup("").join(
        Markup('<div class="pane">{}</div>').format(chart.html()) for chart in charts.values()
    )
    return Markup('<div class="switch"><div class="choice">{}</div>{}</div>').format(buttons, panes)


def settings(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Flatten settings to pairs of name and text; nested ones are called outer.inner."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _shown(value)


def _shown(value: object) -> str:
    shown = plain(value)
    if isinstance(shown, Mapping) and not shown:
        return "none"
    if isinstance(shown, Mapping):
        inner = ", ".join(f"{k}={_shown(v)}" for k, v in shown.items() if k != "class")
        name = str(shown["class"]).rsplit(".", 1)[-1] if "class" in shown else ""
        return f"{name}({inner})"
    if isinstance(shown, float) and abs(shown) >= _THOUSANDS:
        return f"{shown:,.10g}"  # money; a smaller number stays as it was given
    if isinstance(shown, list):
        return ", ".join(map(_shown, shown)) or "none"
    return str(shown)
