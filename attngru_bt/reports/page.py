"""A finished run as one HTML page: the values and pictures that its template shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attngru_bt.reports import charts, html, metrics, model_charts
from attngru_bt.reports.drawing import WIDE
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, TearSheet

# sessions below which the rolling Sharpe ratio would be a few dots
_LEAST_ROLLING = charts.ROLLING_SESSIONS + 20


def render(sheet: TearSheet, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    sheet : TearSheet
    title : str, default=None
        Heading of the page; None: the strategy's class.
    """
    kinds = [kind for kind in ("factor", "temporal") if _has_attention(sheet, kind)]
    return html.fill(
        "tearsheet.html",
        title or sheet.name,
        sheet=sheet,
        out_of_sample=sheet.evidence == OUT_OF_SAMPLE,
        figures=metrics.metrics_table(sheet),
        quality=metrics.quality_table(sheet),
        variance=metrics.variance_table(sheet) if _has_components(sheet) else None,
        fits=metrics.fit_table(sheet) if sheet.records else None,
        orders=metrics.order_table(sheet),
        pictures=_pictures(sheet),
        # what each component or step would weigh without attention
        even_weights={
            kind: 1.0 / model_charts.attention_table(sheet, kind).shape[1] for kind in kinds
        },
        names_shown=_names_shown(sheet),
        rolling_sessions=charts.ROLLING_SESSIONS,
        parameters=_parameters(sheet),
        gaps=[*sheet.gaps, *_gaps(sheet)],
    )


def _pictures(sheet: TearSheet) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}

    def add(name: str, title: str, draw: Callable[..., None], **form: Any) -> None:
        pictures[name] = picture(title, partial(draw, sheet), **form)

    add("cumulative", "Cumulative return", charts.cumulative, wide=True)
    add("underwater", "Drawdown", charts.underwater)
    if len(sheet.returns) > _LEAST_ROLLING:
        add("rolling_sharpe", "Rolling Sharpe ratio", charts.rolling_sharpe)
    years = sheet.returns.index[-1].year - sheet.returns.index[0].year + 1
    size = WIDE[0], 1.1 + 0.36 * years
    add("months", "Return per month", charts.month_table, wide=True, size=size)
    if metrics.quality_table(sheet).rows:
        add("rank_ic", "Rank IC per month", model_charts.rank_ic)
        add("precision", f"Precision@{sheet.topk} per month", model_charts.precision)
    if _has_components(sheet):
        add("variance", "Explained variance of the factors", model_charts.explained_variance)
    titles = {"factor": "component", "temporal": "step", "family": "family of factors"}
    for kind, unit in titles.items():
        if _has_attention(sheet, kind):
            draw = partial(model_charts.attention, kind=kind)
            add(f"attention_{kind}", f"Attention per {unit}", draw)
    if sheet.metrics["fills"]:
        add("holdings", "Names held", charts.holdings)
        add("turnover", "Turnover", charts.turnover)
        size = WIDE[0], 1.0 + 0.19 * len(charts.longest_held(sheet))
        add("weights", "Weights of the names held", charts.weights, wide=True, size=size)
    return pictures


def _has_components(sheet: TearSheet) -> bool:
    return any(record.explained_variance is not None for record in sheet.records)


def _has_attention(sheet: TearSheet, kind: str) -> bool:
    if kind == "family":  # needs the loadings, which lead from components back to factors
        loadings = any(getattr(r, "loadings", None) is not None for r in sheet.records)
        return loadings and _has_attention(sheet, "factor")
    return any(model_charts.attention_weights(record, kind) is not None for record in sheet.records)


def _names_shown(sheet: TearSheet) -> str:
    shown = len(charts.longest_held(sheet))
    held = sheet.performance.holdings()["symbol"].nunique()
    return f", the {shown} held longest of {held}" if held > shown else ""


def _parameters(sheet: TearSheet) -> list[tuple[str, list[tuple[str, str]]]]:
    """List headings with pairs of name and text, without what the signal has from the strategy."""
    own = sheet.parameters
    signal = {
        name: value
        for name, value in sheet.signal_parameters.items()
        if name not in own or own[name] is not value
    }
    headings = [("Strategy", own), (sheet.signal_name, signal), ("Run", sheet.run)]
    return [(name, list(html.settings(values))) for name, values in headings if values]


def _gaps(sheet: TearSheet) -> list[str]:
    gaps = []
    if len(sheet.returns) <= _LEAST_ROLLING:
        gaps.append(
            f"Rolling Sharpe ratio: it needs more than {_LEAST_ROLLING} sessions; "
            f"the run has {len(sheet.returns)}."
        )
    if not sheet.metrics["fills"]:
        gaps.append("Trading: nothing was bought or sold in the measured sessions.")
    return gaps
