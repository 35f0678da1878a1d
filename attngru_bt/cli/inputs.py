"""Inputs that several commands share: data with benchmark, members and factor values, and dates."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.cli.options import Option
from attngru_bt.data import translation
from attngru_bt.data.files import read_index
from attngru_bt.data.market import Market, load, load_sp500
from attngru_bt.data.membership import Membership
from attngru_bt.data.raw import names_a_file, split_suffix
from attngru_bt.data.score_table import read_score_table
from attngru_bt.factors import join_factor_file
from attngru_bt.models.names import DEFAULT
from attngru_bt.trading.groups import read_groups


def chosen(options: Mapping[str, Any], *groups: Mapping[str, Option]) -> dict[str, Any]:
    """Return the options of some groups that the command has."""
    given = {name: options[name] for group in groups for name in group if name in options}
    if str(given.get("sample")).isdecimal():
        given["sample"] = int(given["sample"])
    return given


def read_market(
    data: Path | None,
    benchmark: Path | None = None,
    membership: Path | None = None,
    factor_file: Path | None = None,
    ignore: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Market:
    """Read the data, and a benchmark, members and factor values from files of their own.

    Each of `ignore` is a column to leave out, or several with commas between them, each of
    `columns` a name of ours and the column of the data. A line says which layout was recognized.

    Raises
    ------
    DataError
        If a file cannot be used.
    ValueError
        If columns of the embedded data are to be ignored or named.
    """
    left_out = [name for option in ignore or () for name in option.split(",") if name.strip()]
    if data is None and left_out:
        raise ValueError(
            "--ignore has no effect without --data: the embedded data are closes only."
        )
    named = named_columns(columns or ())
    if data is None and named:
        raise ValueError(
            "--columns has no effect without --data: the embedded data are closes only."
        )
    logging.getLogger(translation.log.name).setLevel(logging.INFO)  # how columns were understood
    market = load_sp500() if data is None else load(data, ignore=left_out, columns=named)
    if benchmark is not None:
        market = replace(market, benchmark=read_index(benchmark))
    if membership is not None:
        market = replace(market, membership=Membership.from_csv(membership))
    if factor_file is not None:
        market = replace(market, bars=join_factor_file(market.bars, factor_file))
    return market


def with_groups(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options whose groups, if they are in a file, are read from it."""
    groups = options.get("groups")
    if groups is None or not (names_a_file(groups) or split_suffix(Path(groups))[1]):
        return dict(options)
    return {**options, "groups": read_groups(groups)}


def named_columns(options: Sequence[str]) -> dict[str, str]:
    """Return which columns of the data are ours, of options such as date=DAY,symbol=ID."""
    named: dict[str, str] = {}
    for part in (part for option in options for part in option.split(",") if part.strip()):
        ours, equals, theirs = (text.strip() for text in part.partition("="))
        if not (ours and equals and theirs):
            raise ValueError(
                f"--columns must be names of ours and of the data, such as date=DAY,symbol=ID; got "
                f"{part.strip()!r}."
            )
        if named.setdefault(ours, theirs) != theirs:
            raise ValueError(f"--columns names two columns as {ours}: {named[ours]} and {theirs}.")
    return named


def span(market: Market) -> str:
    """Say which data are used: their name, how many stocks and sessions, and from when to when."""
    bars = market.bars
    return (
        f"{market.name}: {len(bars.assets)} stocks, {len(bars)} sessions "
        f"{bars.dates[0]:%Y-%m-%d} .. {bars.dates[-1]:%Y-%m-%d}"
    )


def date(option: str, text: str) -> str:
    """Check a date of the command line; return it as YYYY-MM-DD."""
    return f"{checks.date(f'--{option}', text):%Y-%m-%d}"


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; dates are checked, and lists taken apart at commas."""
    values = {name: value for name, value in options.items() if value is not None}
    dates = {"start", "end", "asof"} & set(values)
    for name in ("within", "row_weights", "neutralize"):
        if values.get(name) == "none":  # and not the model's own
            values[name] = None
    if values.get("neutralize") is not None:
        values["neutralize"] = [name.strip() for name in values["neutralize"].split(",")]
    return values | {name: date(name, values[name]) for name in dates}


def workers(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `jobs`, `client` and `tls` as `walk_forward` takes them."""
    files = given(**{role: options[f"dask_{role}"] for role in ("ca", "cert", "key")})
    return dict(jobs=options["jobs"], client=options["dask"], tls=files or None)


def model_of(model: str, scores: Path | None) -> str | pd.DataFrame:
    """Return the model: its name, or a table of scores from a file."""
    if scores is None:
        return model
    if model != DEFAULT:
        raise ValueError(f"--model {model} has no effect beside --scores; leave one of them out.")
    return read_score_table(scores)


def check_fees(options: Mapping[str, Any]) -> None:
    """Refuse a commission together with the rules of a market, which bring their own fees."""
    commission, rules = options["commission"], options["rules"]
    if commission is not None and rules is not None:
        raise ValueError(
            f"--commission has no effect beside --rules {rules}, which brings its own fees; leave "
            f"one of them out (in Python: rules=AShare(commission=...))."
        )
