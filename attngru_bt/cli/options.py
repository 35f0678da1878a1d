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
    str,
    typer.Option(help="Name of a model, such as default, gbdt or momentum; a+b is a blend of two."),
]
Networks = Annotated[
    int | None,
    typer.Option(help="How many networks are averaged into one score. [default: the model's]"),
]

INPUTS = {
    "data": Option(
        Path | None, None,
        "A data folder, a folder with a file per symbol, or one long table. "
        "[default: the embedded data]",
    ),
    "benchmark": Option(Path | None, None, "Index to compare with: a file date,close[,…]."),
    "membership": Option(Path | None, None, "Members over time: a file symbol,in_date,out_date."),
    "factor_file": Option(
        Path | None, None, "Factor values made elsewhere: ticker,tradeDate,NAME,… (Uqer's layout)."
    ),
    "ignore": Option(
        list[str] | None, None,
        "Columns of the data to leave out, as NAME,NAME,…; any other column becomes a factor.",
    ),
    "columns": Option(
        list[str] | None, None,
        "What columns that are not recognized are: date=DAY,symbol=ID,volume=VOL*100.",
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
        "my_factors.py adds the factors that it registers; NAME,NAME,… uses these factors only.",
    ),
}  # fmt: skip
END = {"end": Option(str | None, None, "Last day of the run; later bars change nothing.")}
SEED = {
    "random_state": Option(
        int | None, None, "Seed: the same number gives the same result. [default: 0]"
    )
}
DEBUG = {"debug": Option(bool, False, "Show the traceback of an error.")}
WALK = {
    "start": Option(str | None, None, "First day to trade; earlier bars only train the model."),
    **END,
    "topk": Option(
        int | None, None, "How many names to hold. [default: 10; 5 on the embedded data]"
    ),
    "schedule": Option(
        str | None,
        None,
        "When to decide: after each 'month', 'week' or 'quarter', or some sessions later, as in "
        "'month+5'. "
        "[default: month]",
    ),
    "lookback": Option(int | None, None, "How many steps a network sees. [default: the model's]"),
    "step": Option(
        str | None, None, "Whether a step is a 'day' or a 'month'. [default: the model's]"
    ),
    "refit": Option(int | None, None, "Months between refits. [default: the model's]"),
    "min_months": Option(
        int | None,
        None,
        "Months with a known outcome before the first trade. [default: the model's]",
    ),
    "window": Option(
        int | None, None, "Months to train on. [default: all so far; 120 on the embedded data]"
    ),
    "train_on": Option(
        str | None,
        None,
        "Whose rows train the model: 'members', 'all' stocks in the data, or a file or folder of "
        "more stocks. [default: members]",
    ),
    "within": Option(
        str | None,
        None,
        "Rank returns within deciles of this line of the data ('size' is the market value), or "
        "among those of the 'members'; 'none': among all. "
        "[default: size with --train-on, else among all]",
    ),
    "row_weights": Option(
        str | None,
        None,
        "'size': the more a stock is like the members in size, the more its rows count; 'none': "
        "all count alike. "
        "[default: size with --train-on, else all alike]",
    ),
    "view": Option(
        str | None,
        None,
        "What the model sees: 'factors', or 'lines', which are 60 sessions of the bars themselves. "
        "[default: the model's]",
    ),
    "sample": Option(
        str | None,
        None,
        "When rows to train on are taken: each 'month' or 'week', or every so many sessions. "
        "[default: the model's]",
    ),
    "neutralize": Option(
        str | None,
        None,
        "Exposures to take out of the scores: some of size,volatility,turnover,beta, or known; "
        "'none': none. "
        "[default: the model's]",
    ),
    "neutral_share": Option(
        float | None, None, "Share of a score that is made neutral, 0 to 1. [default: the model's]"
    ),
    **SEED,
    "device": Option(
        str | None, None, "Where networks are trained: cpu, cuda or auto. [default: cpu]"
    ),
}
ACCOUNT = {
    "keep": Option(
        int | None, None,
        "A name that is held stays while its rank is at most this. [default: topk]",
    ),
    "rebalance": Option(
        str, "entrants",
        "'entrants' leaves names that stay alone; 'full' trades all names to their weights.",
    ),
    "weights": Option(
        str, "equal",
        "How much of each name to hold: 'equal', 'inverse-volatility' or 'score' (by rank).",
    ),
    "max_per_group": Option(int | None, None, "Hold at most so many names of one group."),
    "groups": Option(
        str | None, None,
        "Groups: a file symbol,group, or a column of the data. [default: industry or sector]",
    ),
    "cash": Option(float, 1_000_000.0, "Cash to start with, in the currency of the prices."),
    "commission": Option(
        float | None, None,
        "Commission as a fraction of the traded value. [default: 0.001, or fees of the rules]",
    ),
    "rules": Option(
        str | None, None, "Trading rules: 'ashare' has lots, price limits, T+1, suspensions, fees.",
        ("--rules", "--market"),  # the second was its name until 0.1
    ),
    "slippage": Option(float, 0.0, "Slippage as a fraction of the price."),
    "periods": Option(float, 252, "Sessions per year, to annualize figures with (China: 242)."),
    "riskfree": Option(float, 0.0, "Risk-free rate a year, as a fraction."),
}  # fmt: skip
WORKERS = {
    "jobs": Option(int, 1, "How many processes train at once; -1 means one per core."),
    "dask": Option(
        str | None, None,
        "Train on this Dask cluster instead: tcp://host:8786. Its scheduler can run code on this "
        "machine.",
    ),
    "dask_ca": Option(
        Path | None, None, "Certificate of your authority (PEM), for tls://host:8786.",
        ("--dask-tls-ca",),
    ),
    "dask_cert": Option(Path | None, None, "Your certificate (PEM).", ("--dask-tls-cert",)),
    "dask_key": Option(
        Path | None, None, "Its key (PEM). [default: in the certificate's file]",
        ("--dask-tls-key",),
    ),
}  # fmt: skip


_PANELS = {
    "Data": {*INPUTS, *SCORES, *FACTORS},
    "Dates and names": {"start", "end", "topk", "schedule"},
    "Model and training": {*WALK} - {"start", "end", "topk", "schedule"},
    "Account and orders": {*ACCOUNT},
    "Processes and clusters": {*WORKERS},
}


def _panel(name: str) -> str | None:
    """Return the box of the help that an option stands in; None: the first one."""
    return next((title for title, names in _PANELS.items() if name in names), None)


def shared(*groups: dict[str, Option]) -> Callable[[Command], Command]:
    """Give a command the options of some groups, which it receives as ``**options``."""

    def add(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own_options = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=Annotated[
                    option.kind,
                    typer.Option(*option.names, help=option.help, rich_help_panel=_panel(name)),
                ],
            )
            for group in groups
            for name, option in group.items()
        ]
        # Positional ones have to come first; a command's own options precede the shared ones.
        parameters = sorted([*own_options, *added], key=lambda p: p.kind)
        # Typer reads both: the order and the defaults here, the types there.
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return add
