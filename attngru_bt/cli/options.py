"""Options that several commands share, each with its help and its default."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


class Option(NamedTuple):
    """An option of the command line: its type, its default, its help and, if special, its names."""

    kind: Any
    default: Any
    help: str
    names: tuple[str, ...] = ()


ModelName = Annotated[
    str, typer.Option(help="default, gbdt, momentum, ridge+gbdt-rank, …: see strategies/README.")
]
Networks = Annotated[
    int | None, typer.Option(help="Networks averaged into one score. [default: the model's]")
]

INPUTS = {
    "data": Option(
        Path | None, None,
        "Data folder, folder with a file per symbol, or one long table. "
        "[default: the embedded data]",
    ),
    "benchmark": Option(Path | None, None, "Index file: date,close[,…]."),
    "membership": Option(Path | None, None, "Members over time: symbol,in_date,out_date."),
    "factor_file": Option(
        Path | None, None, "Factor values: ticker,tradeDate,NAME,… (Uqer's layout)."
    ),
    "ignore": Option(
        list[str] | None, None,
        "Columns of the data to leave out, which else become factors: NAME,NAME,…",
    ),
    "columns": Option(
        list[str] | None, None,
        "Which columns of the data are ours, if not recognized: date=DAY,symbol=ID,volume=VOL*100.",
    ),
}  # fmt: skip
SCORES = {
    "scores": Option(
        Path | None, None,
        "Scores made elsewhere, in place of a model: date,symbol,score, or a column per symbol; "
        "CSV or Parquet.",
    ),
}  # fmt: skip
FACTORS = {
    "factors": Option(
        list[str] | None, None,
        "my_factors.py adds the factors it registers; NAME,NAME,… takes these only.",
    ),
}  # fmt: skip
END = {"end": Option(str | None, None, "Last day; later bars change nothing.")}
SEED = {"random_state": Option(int | None, None, "Same number, same result. [default: 0]")}
DEBUG = {"debug": Option(bool, False, "Show the traceback of an error.")}
WALK = {
    "start": Option(str | None, None, "First day to trade; earlier bars only train."),
    **END,
    "topk": Option(int | None, None, "Names to hold. [default: 10; 5 on the embedded data]"),
    "schedule": Option(
        str | None,
        None,
        "When is decided: after each 'month', 'week' or 'quarter'; 'month+5': five sessions later. "
        "[default: month]",
    ),
    "lookback": Option(int | None, None, "Steps the networks see."),
    "step": Option(str | None, None, "A step is a 'day' or a 'month'."),
    "refit": Option(int | None, None, "Months between refits. [default: the model's]"),
    "min_months": Option(
        int | None, None, "Labeled months before the first trade. [default: the model's]"
    ),
    "window": Option(
        int | None, None, "Months to train on. [default: all so far; 120 on the embedded data]"
    ),
    "train_on": Option(
        str | None,
        None,
        "'all': fit on every stock in the data, not on the members alone; or a file or folder of "
        "more stocks. [default: members]",
    ),
    "within": Option(
        str | None,
        None,
        "Rank returns within deciles of this line; 'size' is the market value. "
        "[default: size with --train-on]",
    ),
    "row_weights": Option(
        str | None,
        None,
        "'size': rows count by likeness in size to the members. [default: size with --train-on]",
    ),
    "view": Option(
        str | None,
        None,
        "What a model sees: 'factors', or 'lines', 60 sessions of the bars themselves. "
        "[default: the model's]",
    ),
    "sample": Option(
        str | None,
        None,
        "Rows to train on: each 'month' or 'week', or every so many sessions. "
        "[default: the model's]",
    ),
    "neutralize": Option(
        str | None,
        None,
        "Make scores neutral to exposures of the month: size,volatility,turnover,beta or some.",
    ),
    "neutral_share": Option(
        float | None, None, "Share of a score that is neutral, 0 to 1. [default: 1]"
    ),
    **SEED,
    "device": Option(str | None, None, "cpu, cuda or auto. [default: cpu]"),
}
ACCOUNT = {
    "keep": Option(
        int | None, None, "A held name stays while its rank is at most this. [default: topk]"
    ),
    "rebalance": Option(
        str, "entrants", "'entrants' leaves stayers alone, 'full' trades all to their weights."
    ),
    "weights": Option(
        str, "equal", "How much of each name: 'equal', 'inverse-volatility' or 'score' (its rank)."
    ),
    "max_per_group": Option(int | None, None, "At most so many names of one group."),
    "groups": Option(
        str | None, None,
        "File symbol,group, or a column of the data. [default: the column industry or sector]",
    ),
    "cash": Option(float, 1_000_000.0, "Starting cash."),
    "commission": Option(
        float | None, None, "Fraction of the traded value. [default: 0.001]"
    ),
    "rules": Option(
        str | None, None, "'ashare': lots, price limits, T+1, suspensions, fees.",
        ("--rules", "--market"),  # the second was its name until 0.1
    ),
    "slippage": Option(float, 0.0, "Fraction of the price."),
    "periods": Option(float, 252, "Sessions per year (China: 242)."),
    "riskfree": Option(float, 0.0, "Risk-free rate a year, a fraction."),
}  # fmt: skip
WORKERS = {
    "jobs": Option(int, 1, "Processes that train at once; -1: one per core."),
    "dask": Option(
        str | None, None,
        "Train on this Dask cluster instead: tcp://host:8786. Its scheduler can run code here.",
    ),
    "dask_ca": Option(
        Path | None, None, "Authority's certificate (PEM), for tls://host:8786.",
        ("--dask-tls-ca",),
    ),
    "dask_cert": Option(Path | None, None, "Your certificate (PEM).", ("--dask-tls-cert",)),
    "dask_key": Option(
        Path | None, None, "Its key (PEM). [default: in the certificate's file]",
        ("--dask-tls-key",),
    ),
}  # fmt: skip


def shared(*groups: dict[str, Option]) -> Callable[[Command], Command]:
    """Give a command the options of some groups, which it receives as ``**options``."""

    def add(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=Annotated[option.kind, typer.Option(*option.names, help=option.help)],
            )
            for group in groups
            for name, option in group.items()
        ]
        # Positional ones have to come first; the shared options precede the others in the help.
        parameters = sorted([*added, *own], key=lambda p: p.kind)
        # Typer reads both: the order and the defaults here, the types there.
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return add
