"""A finished run as one HTML page: the values and charts that its template shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attngru_bt.evaluation.permutation import drop_by_family, drops
from attngru_bt.evaluation.rolling import SESSIONS
from attngru_bt.reports import (
    charts,
    html,
    metrics,
    model_charts,
    portfolio_charts,
    score_charts,
)
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.portfolio import PortfolioFigures
from attngru_bt.reports.scores import ScoreFigures
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, Part, TearSheet
from attngru_bt.reports.tried import tried
from attngru_bt.reports.verdict import verdict

# sessions below which the rolling figures would be a few dots
_LEAST_ROLLING = SESSIONS + 20
_LEAST_MONTHS = 12  # of a distribution


def render(sheet: TearSheet, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    sheet : TearSheet
    title : str, default=None
        Heading of the page; None: what the strategy is called.
    """
    portfolio = PortfolioFigures(sheet)
    scores = ScoreFigures(sheet) if metrics.quality_table(sheet).rows else None
    return html.fill(
        "tearsheet.html",
        title or sheet.name,
        sheet=sheet,
        out_of_sample=sheet.evidence == OUT_OF_SAMPLE,
        verdict=verdict(sheet),
        cards=metrics.cards(sheet),
        picks=metrics.last_picks(sheet),
        picked_at=list(sheet.scores)[-1] if sheet.scores else None,
        figures=metrics.metrics_table(sheet),
        quality=metrics.quality_table(sheet),
        portfolio=portfolio,
        scores=scores,
        groups=scores.group_table() if scores else None,
        fits=metrics.fit_table(sheet) if sheet.records else None,
        members=metrics.member_table(sheet) if sheet.parts else None,
        unit=sheet.schedule.unit,
        sample="Out-of-sample" if sheet.evidence == OUT_OF_SAMPLE else "",
        tried=_tried(sheet),
        orders=metrics.order_table(sheet),
        order_note=metrics.order_note(sheet),
        pictures=_portfolio(portfolio) | (_scores(scores) if scores else {}) | _families(sheet),
        parts=[_part(part, of_several=len(sheet.parts) > 1) for part in sheet.parts],
        names_shown=_names_shown(portfolio),
        largest_weight=portfolio_charts.largest_weight(portfolio) if sheet.metrics["fills"] else 0,
        rolling_sessions=SESSIONS,
        parameters=_parameters(sheet),
        gaps=[*sheet.gaps, *_gaps(sheet)],
    )


def _portfolio(figures: PortfolioFigures) -> dict[str, Picture]:
    """Draw returns and the account."""
    sheet = figures.sheet
    pictures: dict[str, Picture] = {}

    def add(name: str, title: str, draw: Callable[..., Any], of: Any, **form: Any) -> None:
        pictures[name] = picture(title, partial(draw, of), **form)

    add("cumulative", "Cumulative return", charts.cumulative, sheet, wide=True)
    add("underwater", "Drawdown", charts.underwater, sheet)
    add("years", "Return per year", portfolio_charts.years, figures)
    if len(figures.months()) >= _LEAST_MONTHS:
        add("distribution", "Months by return", portfolio_charts.distribution, figures)
    if len(sheet.returns) > _LEAST_ROLLING:
        add("rolling", "Over a rolling year", portfolio_charts.rolling, sheet)
        if sheet.benchmark is not None:
            draw = portfolio_charts.against_benchmark
            add("beta", f"Against {sheet.benchmark_called}", draw, sheet)
    if sheet.metrics["fills"]:
        if sheet.metrics["costs"]:
            add("costs", "Before and after commission", portfolio_charts.costs, figures)
        add("turnover", "Turnover", portfolio_charts.turnover, figures)
        draw_each = portfolio_charts.contributions
        add("contributions", "Contribution by name", draw_each, figures, wide=True)
        if portfolio_charts.varies(figures):
            add("holdings", "Names held", portfolio_charts.holdings, figures)
        add("weights", "Weights over time", portfolio_charts.weights, figures, wide=True)
    return pictures


def _scores(figures: ScoreFigures) -> dict[str, Picture]:
    """Draw how good the scores are."""
    unit = figures.sheet.schedule.unit
    pictures: dict[str, Picture] = {}
    if figures.rank_ic.notna().any():
        pictures["rank_ic"] = picture(
            f"Rank IC per {unit}", partial(score_charts.rank_ic, figures), wide=True
        )
    pictures |= {
        "decay": picture(f"Rank IC by {unit}s ahead", partial(score_charts.decay, figures)),
        "groups": picture(
            f"Return of the next {unit} by score", partial(score_charts.group_means, figures)
        ),
        "growth": picture("Growth by score", partial(score_charts.group_growth, figures)),
        "precision": picture(
            f"Precision@{figures.sheet.topk} per {unit}",
            partial(model_charts.precision, figures.sheet),
        ),
    }
    if len(figures.autocorrelation) > 1:
        pictures["persistence"] = picture(
            "How much the scores change", partial(score_charts.persistence, figures)
        )
    if figures.kinds:
        draw = partial(score_charts.exposures, figures)
        pictures["exposures"] = picture("Which stocks the scores prefer", draw)
    return pictures


def _families(sheet: TearSheet) -> dict[str, Picture]:
    """Draw what each family of factors was worth to the model."""
    if sheet.labels is None or sheet.evidence != OUT_OF_SAMPLE:
        return {}
    table = drop_by_family(drops(sheet.records, sheet.labels))
    if table.empty:
        sheet.gaps.append(
            "Worth of the factor families: their values were not shuffled when the months were "
            "scored, which is done for models that are fitted."
        )
        return {}
    draw = partial(model_charts.family_drops, table)
    return {"families": picture("Rank IC that is lost without a family of factors", draw)}


def _part(part: Part, *, of_several: bool) -> dict[str, Any]:
    """Draw what a model was fitted on, and tell its attention."""
    of = f": {part.name}" if of_several else ""
    pictures = []
    if model_charts.losses(part) is not None:
        title = f"Loss by epoch (in-sample){of}"
        drawn = picture(title, partial(_drawn_losses, part))
        says = "Mean over the fits and networks; says nothing about the months traded."
        pictures.append((drawn, says))
    if any(record.explained_variance is not None for record in part.records):
        draw = partial(model_charts.explained_variance, part)
        says = "Share of the factors' variance per principal component, mean over the fits."
        pictures.append((picture(f"Explained variance (in-sample){of}", draw), says))
    return {
        "of": of,
        "pictures": pictures,
        "attention": _attention(part),
        "families": model_charts.attention_rows(part),
        "attended": model_charts.attended(part),
    }


def _drawn_losses(part: Part) -> Any:
    return model_charts.losses(part)


def _attention(part: Part) -> list[dict[str, Any]]:
    """Tell attention per input and step: a sentence where it is even, else a chart too."""
    told = []
    attended = model_charts.attended(part)
    # the network weighs each line of each session of a step
    unit_of = {"factor": "input" if attended == "line" else attended, "temporal": "step"}
    for kind, unit in unit_of.items():
        if all(model_charts.attention_weights(record, kind) is None for record in part.records):
            continue
        least, most, even = model_charts.evenness(part, kind)
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
                    f"Attention per {unit}", partial(model_charts.attention, part, kind=kind)
                ),
            }
        )
    return told


def _tried(sheet: TearSheet) -> list[str]:
    """Say what the choice among the models walked in the same folder is worth."""
    if sheet.tries is None:
        return []
    best = f"the best {sheet.topk} of each {sheet.schedule.unit} above the mean of all"
    return tried(sheet.tries, {}, f"returns ({best}, before costs)")


def _names_shown(figures: PortfolioFigures) -> str:
    shown, held = len(portfolio_charts.longest_held(figures)), figures.held.shape[1]
    return f", the {shown} held longest of {held}" if held > shown else ""


def _parameters(sheet: TearSheet) -> list[tuple[str, list[tuple[str, str]]]]:
    """List headings with pairs of name and text, without what the signal has from the strategy."""
    own = sheet.parameters
    signal = {
        name: value
        for name, value in sheet.signal_parameters.items()
        if name not in own or own[name] is not value
    }
    headings = [("Strategy", own), *_of_signal(sheet, signal), ("Run", sheet.run)]
    return [(name, list(html.settings(values))) for name, values in headings if values]


def _of_signal(sheet: TearSheet, signal: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """List the parameters of a model; of a blend what its members share, then each by itself."""
    if len(sheet.parts) < 2 or not all(isinstance(own, dict) for own in signal.values()):
        return [(sheet.signal_name, signal)]
    members: list[dict[str, Any]] = [dict(own) for own in signal.values()]
    for own in members:
        own["share"] = round(own["share"], 4)
    first, *others = members
    shared = {
        name: value
        for name, value in first.items()
        if all(name in own and repr(own[name]) == repr(value) for own in others)
    }
    alone = [
        (part.name, {name: value for name, value in own.items() if name not in shared})
        for part, own in zip(sheet.parts, members, strict=True)
    ]
    return [("All members", shared), *alone]


def _gaps(sheet: TearSheet) -> list[str]:
    gaps = []
    if len(sheet.returns) <= _LEAST_ROLLING:
        gaps.append(
            f"Rolling Sharpe ratio, beta and active risk: they need more than {_LEAST_ROLLING} "
            f"sessions; the run has {len(sheet.returns)}."
        )
    if sheet.quality is not None and not sheet.quality["rank_ic"].notna().any():
        gaps.append(f"Rank IC: no {sheet.schedule.unit} ranks two stocks whose outcome is known.")
    if sheet.records and sheet.market is None:
        gaps.append(
            "Exposures, groups and capacity: they need the data of the run; pass `market=` to "
            "`save` or `write_run`."
        )
    elif sheet.market is not None and "amount" not in sheet.market.bars.lines:
        gaps.append("Capacity: the data have no line `amount`.")
    if not sheet.metrics["fills"]:
        gaps.append("Trading: nothing was bought or sold in the measured sessions.")
    return gaps
