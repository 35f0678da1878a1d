"""Pages in a notebook: what `Walk.plot` and a strategy's `plot_tearsheet` return."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.evaluation.ranks import row_correlation, wide
from attngru_bt.reports.candidates import tries_in
from attngru_bt.reports.collect import collect
from attngru_bt.reports.html import fill, picture
from attngru_bt.reports.page import render
from attngru_bt.reports.score_charts import monthly_rank_ic
from attngru_bt.reports.tables import three

if TYPE_CHECKING:
    from attngru_bt.walkforward.scored_months import ScoredMonths


@dataclass(frozen=True)
class InlinePage:
    """A self-contained page that a notebook shows in a frame of its own.

    The frame keeps the page's style and script away from those of the notebook.

    Attributes
    ----------
    title : str
    page : str
        The HTML, all of it.
    height : int
        Of the frame, in pixels; what is longer scrolls.
    """

    title: str
    page: str
    height: int

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.page)}" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{self.title}: {len(self.page):,} characters of HTML, shown in a notebook>"


def tear_sheet(strategy: Any, *, height: int = 900, **settings: Any) -> InlinePage:
    """Return a finished run's tear sheet, the page that `save` writes.

    Parameters
    ----------
    strategy : Strategy
        With a `Performance` analyzer.
    height : int, default 900
        Of the frame, in pixels.
    **settings
        `benchmark`, `baseline`, `baseline_name`, `run`, `name`, `market` and `title` of `save`.
    """
    title = settings.pop("title", None)
    sheet = collect(strategy, **settings)
    sheet.tries = tries_in(sheet, None)
    return InlinePage(title or sheet.name, render(sheet, title), height)


def rank_ic(walk: ScoredMonths, *, height: int = 480) -> InlinePage:
    """Return a walk's rank IC month by month, above its sum so far.

    Parameters
    ----------
    walk : Walk
    height : int, default 480
        Of the frame, in pixels.

    Raises
    ------
    ValueError
        If no scored month has ended, so that nothing is known of how good its scores were.
    """
    scores, returns = wide(walk.labels())
    correlation = row_correlation(scores.to_numpy(np.float64), returns.to_numpy(np.float64))
    values = pd.Series(correlation, scores.index).dropna()
    if values.empty:
        raise ValueError(
            f"{walk!r} has no scored month that has ended, so there is no rank IC to draw: "
            "walk more months."
        )
    schedule = walk.schedule
    title = f"{walk.model or 'Scores'}: rank IC of each {schedule.unit}, and the sum so far"
    drawn = picture(title, lambda: monthly_rank_ic(values, schedule))
    span = schedule.counted(len(values))
    says = f"Out of sample. Mean rank IC {three(values.mean())} over {span}. Below: the sum so far."
    page = fill("inline.html", title, picture=drawn, caption=says)
    return InlinePage(title, page, height)
