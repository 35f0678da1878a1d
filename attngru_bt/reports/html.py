"""Fill the page templates: one self-contained HTML file each, pictures and style inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from attngru_bt.reports import drawing, tables
from attngru_bt.reports.plain import plain

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)


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
    for show in ("whole", "one", "number", "three", "per_cent", "date"):
        environment.filters[show] = getattr(tables, show)
    return environment


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
    return _environment().get_template(template).render(heading=heading, **values) + "\n"


@dataclass(frozen=True)
class Picture:
    """A picture under its title.

    Attributes
    ----------
    title : str
    source : str
        Data URI; empty if the picture could not be drawn.
    problem : str
        Why it could not.
    wide : bool
        Whether it takes the whole row of a grid.
    """

    title: str
    source: str
    problem: str = ""
    wide: bool = False


def picture(
    title: str,
    draw: Callable[[Axes], None],
    *,
    wide: bool = False,
    size: tuple[float, float] | None = None,
) -> Picture:
    """Draw a picture.

    One that cannot be drawn is replaced by a sentence and a warning, so that hours of computing are
    not lost for want of a picture.

    Parameters
    ----------
    title : str
    draw : callable
        Draws on the Axes it is given.
    wide : bool, default=False
    size : (float, float) or None
        Width and height in inches; None: as `wide` says.
    """
    try:
        source = drawing.png(draw, size or (drawing.WIDE if wide else drawing.HALF))
    except Exception as error:  # of drawing libraries, and whatever a user's names do to them
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"{title!r} could not be drawn ({reason})"
        logger.warning("%s; the page is written without it.", problem)
        logger.debug("where it failed", exc_info=True)
        return Picture(title, "", problem, wide)
    return Picture(title, source, wide=wide)


def settings(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Flatten settings to pairs of name and text; nested ones are called outer.inner."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _shown(value)


def _shown(value: object) -> str:
    shown = plain(value)
    if isinstance(shown, Mapping):
        inner = ", ".join(f"{k}={_shown(v)}" for k, v in shown.items() if k != "class")
        name = str(shown["class"]).rsplit(".", 1)[-1] if "class" in shown else ""
        return f"{name}({inner})"
    if isinstance(shown, list):
        return ", ".join(map(_shown, shown)) or "none"
    return str(shown)
