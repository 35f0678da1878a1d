"""The sentences beside the tables of a comparison: what was compared, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attngru_bt.compare import paper
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.tables import claims, plain_name
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.reports.tables import date
from attngru_bt.reports.tried import tried
from attngru_bt.trading.account import COMMISSION


def subject(comparison: Comparison) -> str:
    """Say in one line what was compared, on which data."""
    about = comparison.about
    seeds = about["seeds"]
    return (
        f"{about['data']}, {date(about['start'])} to {date(about['end'])}, "
        f"{_schedule(comparison).counted(about['months'])}, {about['topk']} names held, "
        f"{seeds} seed{'s' if seeds > 1 else ''}"
    )


def costs(comparison: Comparison) -> str:
    """Say what the accounts have paid."""
    trading = comparison.about["trading"]
    if trading.get("rules") is not None:
        parts = [f"after the fees of the market’s rules ({_rules(trading['rules'])})"]
    else:
        parts = [f"after {100 * trading.get('commission', COMMISSION):g}% commission"]
    if trading.get("slippage"):
        parts.append(f"{100 * trading['slippage']:g}% slippage")
    return " and ".join(parts)


def notes2(comparison: Comparison) -> list[str]:
    """Explain the columns of Table 2, a sentence or two each."""
    k = comparison.about["topk"]
    seeds = (
        "Figures are means over the seeds ± their sample deviation, where the seed makes a "
        "difference; t, interval and probabilities are means over the seeds."
        if comparison.about["seeds"] > 1
        else "One seed, so there is no spread: another seed may give other figures."
    )
    unit = _schedule(comparison).unit
    classes = comparison.table2["accuracy"].notna().any()  # only classifiers have a threshold
    own = "“own yes/no” takes the model’s own threshold, " if classes else ""
    return [
        seeds,
        "In-sample figures are of the rows that the model was fitted on and say nothing about "
        "skill. All others are out of sample.",
        f"Accuracy: {own}“best {k} called” takes the {k} best "
        f"scores of each {unit} for yes and all others for no. Without skill, nobody is called, "
        f"or {k} at random. An accuracy near that of “all no” is no achievement.",
        f"Rank IC: rank correlation of score and next {unit}’s return, averaged over the {unit}s; "
        f"its t takes the {unit}s as independent, its HAC t (Newey-West) does not.",
        "Training: wall-clock time of preprocessing and fit. Time that several fits share, for the "
        f"training set of a {unit} or for networks trained side by side, is divided among them.",
    ]


def notes3(comparison: Comparison) -> list[str]:
    """Explain the columns of Table 3, a sentence or two each."""
    about = comparison.about
    k, draws, tries = about["topk"], f"{about['draws']:,}", about["tried"]
    schedule = _schedule(comparison)
    unit = schedule.unit
    notes = [
        f"95% interval of the information ratio: stationary block bootstrap with {draws} draws.",
        f"Random {k} do as well: share of {draws} portfolios of random members that earned at "
        f"least as much after costs, with the same {unit}s, number of names, changes per {unit} "
        "and costs. Both are measured in a simple account: filled at the open after the "
        f"{schedule.end_called}, without lots, limits or suspensions, {_shares(about['trading'])}.",
        "Deflated Sharpe: probability that the Sharpe ratio of the account, with what the market "
        "gave, is higher than "
        + (f"the best of {tries} tries" if tries > 1 else "that one try")
        + " without skill would show (Bailey & López de Prado 2014).",
    ]
    if claims(comparison):
        notes.append(
            "The paper’s claim is the paper’s own figure for its Attention-GRU on the "
            f"{paper.UNIVERSE} from {paper.PERIOD}. It is not measured here, and covers other "
            "dates."
        )
    return notes


def notes_on_choice(comparison: Comparison) -> list[str]:
    """Say how far the best model can be trusted, a sentence or two each; none for one model."""
    tries = comparison.tries
    if tries is None:
        return []
    unit = _schedule(comparison).unit
    return tried(
        tries,
        {name: comparison.titles.get(name, name) for name in tries.names},
        f"{unit}ly returns above {plain_name(comparison)}",
    )


def notes_on_days(comparison: Comparison) -> list[str]:
    """Explain the table of days, a sentence or two each."""
    about, schedule = comparison.about, _schedule(comparison)
    days = ", ".join(map(str, sorted({schedule.offset, *about["offsets"]})))
    how = (
        "Every model was walked anew for each day."
        if about["walked"]
        else "The scores are those of the first day, traded later, when they are older."
    )
    return [
        f"Decided {days} sessions after each {schedule.end_called} (0: at it), all measured on the "
        f"same sessions; of each model the lowest, median and highest figure. {how}",
        "Nobody knew which day would be the best one: a difference between models that is smaller "
        "than that between days says little. The tables above are of one day.",
    ]


def _schedule(comparison: Comparison) -> Schedule:
    return schedule_of(comparison.about.get("schedule", "month"))


def _shares(trading: Mapping[str, Any]) -> str:
    """Say how entrants share the cash in the simple account."""
    weights = trading.get("weights") or "equal"
    if weights == "inverse-volatility":
        return "entrants weighed by volatility"
    return "entrants in equal weight" + ("" if weights == "equal" else " (not by your weights)")


def _rules(rules: object) -> str:
    return rules if isinstance(rules, str) else type(rules).__name__
