"""A report as one self-contained HTML page: pictures inside, nothing loaded from elsewhere."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

from attngru_bt.reports import charts, model_charts, tables
from attngru_bt.reports.markup import FOOTER, document, figure, grid, panel, settings_table, table
from attngru_bt.reports.report import OUT_OF_SAMPLE, Report


def render(report: Report, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    report : Report
    title : str, default=None
        Heading of the page; None: the strategy's class.
    """
    heading = title or report.name
    body = [
        _head(report, heading),
        _cards(report),
        _returns(report),
        _metrics(report),
        _model(report),
        _trading(report),
        _parameters(report),
        _footer(report),
    ]
    return document(heading, body)


def _head(report: Report, heading: str) -> str:
    metrics = report.metrics
    period = f"{tables.date(metrics['start'])} to {tables.date(metrics['end'])}"
    if report.evidence == OUT_OF_SAMPLE:
        badge = f'<span class="badge">Out-of-sample, {period}</span>'
        text = (
            "Walk-forward: at each month-end the model was fitted on earlier months whose outcome "
            "was known, scored the stocks, and was traded in the month that followed. In-sample "
            "figures are marked as such."
        )
    else:
        badge = f'<span class="badge open">{period}</span>'
        text = (
            "Whether these figures are out-of-sample depends on how the strategy's decisions were "
            "made; this page cannot know."
        )
    return f"<h1>{escape(heading)}</h1>\n<p>{badge}</p>\n<p class=soft>{text}</p>"


def _cards(report: Report) -> str:
    metrics = report.metrics
    cards = [("Annualized return", tables.per_cent(metrics["annual_return"]), "")]
    if report.benchmark is not None:
        market = f"{report.benchmark['name']} {tables.per_cent(report.benchmark['annual_return'])}"
        cards[0] = (*cards[0][:2], market)
    cards.append(
        ("Sharpe ratio", tables.number(metrics["sharpe"]), _beside(report, "sharpe", tables.number))
    )
    if report.benchmark is not None:
        ratio = tables.number(metrics["information_ratio"])
        tracking = f"tracking error {tables.per_cent(metrics['tracking_error'])}"
        cards.append(("Information ratio", ratio, tracking))
    cards.append(
        (
            "Max drawdown",
            tables.per_cent(metrics["max_drawdown"]),
            _beside(report, "max_drawdown", tables.per_cent),
        )
    )
    for row in tables.quality_table(report)[:2]:
        cards.append((row[0], row[1], f"t {row[3]}, {row[4]} months"))
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card"><span>{escape(name)}</span><b>{value}</b>'
            f"<span>{escape(note) or '&nbsp;'}</span></div>"
            for name, value, note in cards
        )
        + "</div>"
    )  # fmt: skip


def _beside(report: Report, key: str, show: Any) -> str:
    if report.benchmark is None:
        return ""
    return f"{report.benchmark['name']} {show(report.benchmark[key])}"


def _returns(report: Report) -> str:
    pictures = [
        _figure(report, charts.cumulative, "Cumulative return",
                "Growth of 1 from the first measured session, after commission.", wide=True),
        _figure(report, charts.underwater, "Drawdown", "Loss from the highest value so far."),
    ]  # fmt: skip
    if len(report.returns) > charts.ROLLING_SESSIONS + 20:
        pictures.append(
            _figure(report, charts.rolling_sharpe, "Rolling Sharpe ratio",
                    f"Over the last {charts.ROLLING_SESSIONS} sessions, annualized.")
        )  # fmt: skip
    else:
        report.gaps.append(
            f"Rolling Sharpe ratio: it needs more than {charts.ROLLING_SESSIONS + 20} sessions; "
            f"the run has {len(report.returns)}."
        )
    years = report.returns.index[-1].year - report.returns.index[0].year + 1
    size = charts.WIDE[0], 1.1 + 0.36 * years
    pictures.append(
        _figure(report, charts.month_table, "Return per month",
                "Per cent; first and last month may be part of a month.", wide=True, size=size)
    )  # fmt: skip
    return "<h2>Returns</h2>\n" + grid(pictures)


def _metrics(report: Report) -> str:
    names, rows = tables.metrics_table(report)
    head = "".join(f"<th>{escape(name)}</th>" for name in ["", *names])
    lines = []
    for name, texts in rows:
        if texts:
            cells = "".join(f"<td>{text}</td>" for text in texts)
            lines.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
        else:
            lines.append(f'<tr class=head><td colspan="{len(names) + 1}">{escape(name)}</td></tr>')
    metrics = report.metrics
    notes = (
        f"Daily returns, {metrics['periods']:g} sessions a year, annualized returns compounded, "
        f"deviations of a sample, risk-free rate {tables.per_cent(metrics['riskfree'])} a year. "
        "Turnover: half of all buying and selling over the mean value."
    )
    if report.benchmark is not None:
        found = report.benchmark
        notes += (
            f" {found['name']}: {found['sessions']} sessions, {tables.date(found['start'])} to "
            f"{tables.date(found['end'])}; comparisons cover these."
        )
    return (
        "<h2>Figures</h2>\n<div class=panel><table><thead><tr>"
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        f"<p class=soft>{escape(notes)}</p></div>"
    )


def _model(report: Report) -> str:
    if not report.records:
        return ""
    parts = []
    quality = tables.quality_table(report)
    if quality:
        head = ["Out-of-sample", "Mean", "Without skill", "t", "Months"]
        parts.append(panel("Quality of the scores", table(head, quality), note=(
            "Rank IC: rank correlation of score and next month's return. Precision: share of the "
            f"{report.topk} best scores that were among the {report.topk} best returns. AUC: "
            "chance that one of these has the higher score. t: distance of the monthly values "
            "from no skill; above 2 is seldom luck, if few things were tried."
        )))  # fmt: skip
        parts.append(_figure(report, model_charts.rank_ic, "Rank IC per month", "Out-of-sample."))
        text = f"Precision@{report.topk} per month"
        parts.append(_figure(report, model_charts.precision, text, "Out-of-sample."))
    if any(record.explained_variance is not None for record in report.records):
        caption = "Mean over the fits, bars from least to most; the line adds them up. In-sample."
        text = "Explained variance of the factors"
        parts.append(_figure(report, model_charts.explained_variance, text, caption))
        parts.append(_variance(report))
    for kind, text in (("factor", "Attention per component"), ("temporal", "Attention per step")):
        if any(model_charts.has(record, kind) for record in report.records):
            draw = partial(model_charts.attention, kind=kind)
            even = 1.0 / model_charts.attention_table(report, kind).shape[1]
            caption = f"Mean weight on the stocks scored at each month-end; even: {even:.3f}."
            parts.append(_figure(report, draw, text, caption))
    if any(getattr(record, "loadings", None) is not None for record in report.records):
        if any(model_charts.has(record, "factor") for record in report.records):
            draw = partial(model_charts.attention, kind="family")
            caption = (
                "Weights of the components times the squared loadings of their factors; all of "
                "them, factor by factor, are in attention.csv."
            )
            parts.append(_figure(report, draw, "Attention per family of factors", caption))
    parts.append(_fits(report))
    return "<h2>Model</h2>\n" + grid(parts)


def _variance(report: Report) -> str:
    found = model_charts.variance_table(report)
    rows = [
        [str(i + 1), *(tables.per_cent(row[key]) for key in ("last", "mean", "cumulative"))]
        for i, (_, row) in enumerate(found.iterrows())
    ]
    head = ["Principal component", "Last fit", "Mean", "Cumulative"]
    return panel("Explained variance (in-sample)", table(head, rows), kind="tall")


def _fits(report: Report) -> str:
    last = report.records[-1]
    fits = [record for record in report.records if getattr(record, "refit", True)]
    rows = [
        ["Months scored", tables.whole(len(report.records))],
        ["Fits", tables.whole(len(fits))],
        ["Training rows, last fit", tables.whole(last.n_rows)],
        ["Training months, last fit", tables.whole(last.n_months)],
        ["Factors used, last fit", tables.whole(len(last.factors))],
        ["Factors dropped for missing values", tables.whole(len(last.dropped))],
    ]
    names = {"loss": "Training loss (in-sample)", "val_loss": "Validation loss (last months "
             "of the training window; stops the training)"}  # fmt: skip
    rows += [[names[key], f"{value:.4f}"] for key, value in report.in_sample.items()]
    return panel("Fits", table(["", ""], rows), note=(
        "Losses: last epoch, mean over fits and seeds; they say nothing about the months traded."
        if report.in_sample else ""
    ))  # fmt: skip


def _trading(report: Report) -> str:
    if not report.metrics["fills"]:
        report.gaps.append("Trading: nothing was bought or sold in the measured sessions.")
        return ""
    names = len(charts.longest_held(report))
    every = report.performance.holdings()["symbol"].nunique()
    shown = f", the {names} held longest of {every}" if every > names else ""
    size = charts.WIDE[0], 1.0 + 0.19 * names
    pictures = [
        _figure(report, charts.holdings, "Names held", ""),
        _figure(report, charts.turnover, "Turnover",
                "Half of buying and selling in a month over the month's mean value."),
        _figure(report, charts.weights, "Weights of the names held",
                f"Share of the account{shown}; white = not held.", wide=True, size=size),
    ]  # fmt: skip
    rows = tables.order_table(report)
    if rows:
        head = ["Event", "Buys", "Sells", "Other"]
        pictures.append(panel("Trade log", table(head, rows), kind="all"))
    return "<h2>Positions and trading</h2>\n" + grid(pictures)


def _parameters(report: Report) -> str:
    panels = [("Strategy", report.parameters)]
    if report.signal_parameters:
        # most are the strategy's own, handed on
        own = report.parameters
        rest = {
            k: v for k, v in report.signal_parameters.items() if k not in own or own[k] is not v
        }
        panels.append((report.signal_name, rest))
    if report.run:
        panels.append(("Run", report.run))
    parts = []
    for name, values in panels:
        shown = settings_table(values)
        if shown:
            parts.append(panel(f"{name}", shown, kind="all" if len(panels) == 1 else ""))
    return "<h2>Parameters</h2>\n" + grid(parts) if parts else ""


def _footer(report: Report) -> str:
    lines = "".join(f"<li>{escape(gap)}</li>" for gap in report.gaps)
    left_out = f"<h2>Left out</h2>\n<ul class=soft>{lines}</ul>\n" if lines else ""
    return left_out + FOOTER


def _figure(
    report: Report, draw: Any, title: str, caption: str, *, wide: bool = False, size: Any = None
) -> str:
    size = size or (charts.WIDE if wide else charts.HALF)
    return figure(partial(draw, report), title, caption, size=size, wide=wide)
