"""pyfolio-reloaded's full tear sheet of a finished run, in a notebook or as a page."""

from __future__ import annotations

import base64
import html as markup
import io
import logging
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from attngru_bt.reports import html
from attngru_bt.reports.collect import collect
from attngru_bt.reports.output import write
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.reports.tables import DASH

logger = logging.getLogger(__name__)

_DPI = 72
_MARGIN = 0.1  # inches
_MOST_DATES = 8  # on an axis
_MOST_COLUMNS = 8  # of a table
_PHONE_COLUMNS = 4  # of a table on a phone
_TIMES = "Transaction time distribution"  # within the day, which daily bars do not have
_ALLOCATION = "Portfolio allocation over time"
_BENCHMARK = "benchmark_rets"


@dataclass
class PyfolioSheet:
    """Tables and figures of pyfolio by section; in a notebook it shows itself.

    Attributes
    ----------
    title : str
    sections : dict of str to list of Markup
        Tables and figures, in pyfolio's order: Returns, Interesting times, Positions, Transactions,
        Round trips.
    problems : dict of str to str
        Why a section is missing.
    path : Path or None
        The page, if one was written.
    """

    title: str
    sections: dict[str, list[Markup]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    path: Path | None = None

    def _repr_html_(self) -> str:
        parts = []
        for name, section in self.sections.items():
            parts.append(f"<h2>{markup.escape(name)}</h2>")
            parts.extend(map(str, section))
        parts.extend(f"<p>{markup.escape(f'{n}: {why}')}</p>" for n, why in self.problems.items())
        return "\n".join(parts)

    def __repr__(self) -> str:
        where = f", written to {self.path}" if self.path else ""
        return f"<PyfolioSheet of {self.title}: {', '.join(self.sections)}{where}>"


def pyfolio(
    strategy: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    benchmark: pd.Series | None = None,
    title: str | None = None,
) -> PyfolioSheet:
    """Draw pyfolio-reloaded's full tear sheet of a finished run.

    Its sections are those of `pyfolio.create_full_tear_sheet`: returns (beside the benchmark),
    interesting times, positions, transactions and round trips.

    Parameters
    ----------
    strategy : Strategy
        What `cerebro.run()[0]` or `backtest.run` returned, with a `Performance` analyzer.
    path : path, default None
        Page to write; None: no file. As the last line of a notebook's cell it is shown either way.
    benchmark : Series or None
        Closes indexed by date, in place of the analyzer's benchmark.
    title : str or None
        Heading of the page; None: what the strategy is called.

    Returns
    -------
    PyfolioSheet

    Notes
    -----
    Neither pyplot's figures nor its backend change. A section that pyfolio cannot draw, such as
    positions of a run without any, is left out with a warning.

    Examples
    --------
    >>> from attngru_bt import tearsheet
    >>> tearsheet.pyfolio(strategy, "pyfolio.html")  # doctest: +SKIP
    <PyfolioSheet of Ridge: Returns, Positions, Transactions, Round trips, written to pyfolio.html>
    """
    found = collect(strategy, benchmark)
    sheet = PyfolioSheet(title or found.name)
    with _quiet() as pyplot:
        for name, draw in _sections(found).items():
            try:
                parts = list(_drawn(draw, pyplot))
            except Exception as error:  # of pyfolio, and whatever a run does to it
                sheet.problems[name] = f"{type(error).__name__}: {error}"
                logger.warning("pyfolio: %s could not be drawn (%s).", name, sheet.problems[name])
                logger.debug("where it failed", exc_info=True)
                continue
            if parts:
                sheet.sections[name] = parts
            else:
                sheet.problems[name] = "pyfolio has nothing to show of this run."
    if path is not None:
        sheet.path = write(Path(path), html.fill("pyfolio.html", sheet.title, sheet=sheet))
    return sheet


def _sections(found: TearSheet) -> dict[str, Callable[[], None]]:
    """Return what draws each section of the full tear sheet."""
    from pyfolio import tears

    returns, positions, transactions, _ = found.performance.get_pf_items()
    # names never held make pyfolio's legends long and its tables slow
    held = (positions != 0).any() | (positions.columns == "cash")
    positions = positions.loc[:, held]
    market: dict[str, Any] = {}
    if found.benchmark is not None and found.benchmark_returns is not None:
        index = found.benchmark_returns.fillna(0.0).tz_localize("UTC")
        market = {_BENCHMARK: index.rename(found.benchmark["name"])}
    account: dict[str, Any] = {"positions": positions, "transactions": transactions}
    day: dict[str, Any] = {"estimate_intraday": False}
    return {
        "Returns": lambda: tears.create_returns_tear_sheet(returns, **account, **market),
        "Interesting times": lambda: tears.create_interesting_times_tear_sheet(returns, **market),
        "Positions": lambda: tears.create_position_tear_sheet(returns, positions, **day),
        "Transactions": lambda: tears.create_txn_tear_sheet(returns, **account, **day),
        "Round trips": lambda: tears.create_round_trip_tear_sheet(returns, **account, **day),
    }


def _drawn(draw: Callable[[], None], pyplot: Any) -> Iterator[Markup]:
    """Draw a section; return its tables, then its figures."""
    import pyfolio.utils as utils

    tables: list[Markup] = []
    before, display = set(pyplot.get_fignums()), utils.display
    utils.display = lambda *shown: tables.extend(filter(None, map(_table, shown)))
    try:
        draw()
        figures = [pyplot.figure(n) for n in pyplot.get_fignums() if n not in before]
        yield from tables
        yield from map(_picture, figures)
    finally:
        utils.display = display
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)


@contextmanager
def _quiet() -> Iterator[Any]:
    """Draw on no screen, and leave pyplot as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyfolio and seaborn, on newer pandas and matplotlib
        import matplotlib
        import matplotlib.pyplot as pyplot

        backend = matplotlib.get_backend()
        # pandas would put days on an axis of its own, where pyfolio's exposure is out of sight
        options: Any = pd.plotting.plot_params
        days = options.use("x_compat", True)
        with days, matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}):
            pyplot.switch_backend("Agg")
            try:
                yield pyplot
            finally:
                pyplot.switch_backend(backend)


def _table(shown: Any) -> Markup:
    """Return a table as pyfolio makes it, in the page's style rather than its own; "" if empty."""
    text = re.sub(r'\s(border|class|style)="[^"]*"', "", str(getattr(shown, "data", shown)))
    if "<table" in text and "<td>" not in text:
        return Markup("")
    text = re.sub(r"<td>(NaT|NaN|nan)</td>", f"<td>{DASH}</td>", text)
    # durations to the nanosecond
    text = re.sub(r"(\d+ days) \d\d:\d\d:\d\d(\.\d+)?", r"\1", text)
    return Markup('<div class="panel scroll">') + Markup(_fitting(text)) + Markup("</div>")


def _fitting(text: str) -> str:
    """Make a table of many columns fit the page: turned by its diagonal, on a phone as blocks."""
    rows = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row, re.DOTALL) for row in text.split("<tr>")[1:]]
    if max(map(len, rows), default=0) <= _PHONE_COLUMNS or len({len(row) for row in rows}) > 1:
        return text
    if len(rows[0]) > _MOST_COLUMNS:  # such as one per name
        rows = [list(row) for row in zip(*rows, strict=True)]
    head, *body = rows
    lines = "".join(_row(line, head) for line in body)
    title = kind = ""
    if len(head) > _PHONE_COLUMNS:  # a phone does not show its headings, of which one names it
        title, kind, head = f"<h3>{head[0]}</h3>", ' class="stack"', ["", *head[1:]]
    headings = "".join(f"<th>{cell}</th>" for cell in head)
    return f"{title}<table{kind}><thead><tr>{headings}</tr></thead><tbody>{lines}</tbody></table>"


def _row(cells: list[str], headings: list[str]) -> str:
    """Write a row of a table; each cell but the first knows its heading, as a phone shows it."""
    name, *values = cells
    inner = "".join(
        f'<td data-label="{heading}">{value}</td>'
        for heading, value in zip(headings[1:], values, strict=True)
    )
    return f"<tr><td><b>{name}</b></td>{inner}</tr>"


def _picture(figure: Any) -> Markup:
    """Return a figure as one picture per row of charts, so that paper cuts none in two."""
    from matplotlib import dates
    from matplotlib.ticker import FixedFormatter, FixedLocator, LogFormatter

    locator: Any = dates.AutoDateLocator
    for axes in list(figure.axes):
        if axes.get_title() == _TIMES:
            figure.delaxes(axes)
            continue
        if axes.get_title().startswith(_ALLOCATION):
            _legend_beside(axes)
        if axes.get_yscale() == "log":
            # matplotlib's own writes "2 × 10^0" as a formula, which `text.parse_math` leaves as is
            axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        if isinstance(axes.xaxis.get_major_locator(), locator):
            axes.xaxis.set_major_locator(locator(maxticks=_MOST_DATES))
            # as matplotlib finds dates anew each time that it needs them, which takes long
            ticks = axes.xaxis.get_majorticklocs()
            labels = axes.xaxis.get_major_formatter().format_ticks(ticks)
            axes.xaxis.set_major_locator(FixedLocator(ticks))
            axes.xaxis.set_major_formatter(FixedFormatter(labels))
    whole, gaps = _drawing(figure)
    pictures = []
    for top, bottom in pairwise([0, *gaps, whole.height]):
        out = io.BytesIO()
        whole.crop((0, top, whole.width, bottom)).save(out, format="png")
        code = base64.b64encode(out.getvalue()).decode("ascii")
        pictures.append(f'<img alt="" src="data:image/png;base64,{code}">')
    return Markup(f'<figure class="paper">{"".join(pictures)}</figure>')


def _legend_beside(axes: Any) -> None:
    """Put a legend that pyfolio has below a chart, over the next one's title, beside it."""
    lines, names = axes.get_legend_handles_labels()
    axes.legend(lines, names, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="medium")


def _drawing(figure: Any) -> tuple[Any, list[int]]:
    """Return a figure cut to what is drawn, and where its rows of charts end, in pixels.

    Each artist is measured once; `bbox_inches="tight"` would draw the figure once more to do so.
    """
    from matplotlib.transforms import Bbox
    from PIL import Image

    figure.set_dpi(_DPI)
    renderer = figure.canvas.get_renderer()
    others = [a for a in figure.get_children() if a not in figure.axes and a.get_in_layout()]
    charts, other = (
        [box for a in artists if a.get_visible() and (box := a.get_tightbbox(renderer)) is not None]
        for artists in (figure.axes, others)
    )
    boxes = [b for b in charts + other if math.isfinite(b.width) and any(b.size)]
    around = Bbox.union(boxes).padded(_MARGIN * _DPI)
    drawn = io.BytesIO()
    place = Bbox(around.get_points() / _DPI)  # in inches
    figure.savefig(drawn, format="png", dpi=_DPI, bbox_inches=place)
    return Image.open(drawn), _gaps([(around.y1 - b.y1, around.y1 - b.y0) for b in charts])


def _gaps(spans: list[tuple[float, float]]) -> list[int]:
    """Return where one row of charts ends and the next begins, in pixels from the top."""
    rows: list[tuple[float, float]] = []
    for above, below in sorted(spans):
        if rows and above < rows[-1][1]:
            rows[-1] = rows[-1][0], max(below, rows[-1][1])
        else:
            rows.append((above, below))
    return [round((end + begin) / 2) for (_, end), (begin, _) in pairwise(rows)]
