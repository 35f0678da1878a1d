"""A finished run as one HTML page: the values and charts that its template shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attngru_bt.analyzers.performance import monthly
from attngru_bt.reports import charts, heat, html, metrics, model_charts, trading_charts
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, TearSheet
from attngru_bt.reports.tables import one
from attngru_bt.reports.verdict import verdict

# sessions below which the rolling figures would be a few dots
_LEAST_ROLLING = charts.ROLLING_SESSIONS + 20


def render(sheet: TearSheet, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    sheet : TearSheet
    title : str, default=None
        Heading of the page; None: what the strategy is called.
    """
    return html.fill(
        "tearsheet.html",
        title or sheet.name,
        sheet=sheet,
        out_of_sample=sheet.evidence == OUT_OF_SAMPLE,
        verdict=verdict(sheet),
        cards=metrics.cards(sheet),
        picks=metrics.last_picks(sheet),
        picked_at=list(sheet.scores)[-1] if sheet.scores else None,
        months=_month_table(sheet),
        figures=metrics.metrics_table(sheet),
        quality=metrics.quality_table(sheet),
        variance=metrics.variance_table(sheet) if _has_components(sheet) else None,
        fits=metrics.fit_table(sheet) if sheet.records else None,
        orders=metrics.order_table(sheet),
        pictures=_pictures(sheet),
        attention=_attention(sheet),
        names_shown=_names_shown(sheet),
        rolling_sessions=charts.ROLLING_SESSIONS,
        parameters=_parameters(sheet),
        gaps=[*sheet.gaps, *_gaps(sheet)],
    )


def _pictures(sheet: TearSheet) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}

    def add(name: str, title: str, draw: Callable[..., Any], **form: Any) -> None:
        pictures[name] = picture(title, partial(draw, sheet), **form)

    add("cumulative", "Cumulative return", charts.cumulative, wide=True)
    add("underwater", "Drawdown", charts.underwater)
    if len(sheet.returns) > _LEAST_ROLLING:
        add("rolling_sharpe", "Rolling Sharpe ratio", charts.rolling_sharpe)
    if metrics.quality_table(sheet).rows:
        add("precision", f"Precision@{sheet.topk} per month", model_charts.precision)
    if _has_components(sheet):
        add("variance", "Explained variance (in-sample)", model_charts.explained_variance)
    if sheet.metrics["fills"]:
        add("holdings", "Names held", trading_charts.holdings)
        add("turnover", "Turnover", trading_charts.turnover)
        add("weights", "Weights of the names held", trading_charts.weights, wide=True)
    return pictures


def _has_components(sheet: TearSheet) -> bool:
    return any(record.explained_variance is not None for record in sheet.records)


def _month_table(sheet: TearSheet) -> Any:
    returns = monthly(sheet.returns)
    years = (1.0 + returns).groupby(returns.index.year).prod() - 1.0  # type: ignore[attr-defined]
    return heat.by_month(returns, lambda share: one(100.0 * share), full=0.12, years=years)


def _attention(sheet: TearSheet) -> list[dict[str, Any]]:
    """Tell attention per component and step: a sentence where it is even, else a chart too."""
    told = []
    for kind, unit in {"factor": "component", "temporal": "step"}.items():
        if all(model_charts.attention_weights(record, kind) is None for record in sheet.records):
            continue
        least, most, even = model_charts.evenness(sheet, kind)
        almost_even = max(most - even, even - least) < model_charts.ALMOST_EVEN
        told.append(
            {
                "unit": unit,
                "least": least,
                "most": most,
                "even": even,
                "almost_even": almost_even,
                "picture": None
                if almost_even
                else picture(
                    f"Attention per {unit}", partial(model_charts.attention, sheet, kind=kind)
                ),
            }
        )
    return told


def _names_shown(sheet: TearSheet) -> str:
    shown = len(trading_charts.longest_held(sheet))
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
            f"Rolling Sharpe ratio, beta and active risk: they need more than {_LEAST_ROLLING} "
            f"sessions; the run has {len(sheet.returns)}."
        )
    if not sheet.metrics["fills"]:
        gaps.append("Trading: nothing was bought or sold in the measured sessions.")
    return gaps
