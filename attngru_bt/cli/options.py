"""Options that several commands share, each written down once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        help="Panel folder, folder with a file per symbol, or one long table. "
        "[default: the embedded data]"
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(help="Columns of the data to leave out, which else become factors: NAME,NAME,…"),
]
Benchmark = Annotated[Path | None, typer.Option(help="Index file: date,close[,…].")]
Members = Annotated[Path | None, typer.Option(help="Members over time: symbol,in_date,out_date.")]
Factors = Annotated[
    list[str] | None,
    typer.Option(help="my_factors.py adds the factors it registers; NAME,NAME,… takes these only."),
]
FactorFile = Annotated[
    Path | None, typer.Option(help="Factor values: ticker,tradeDate,NAME,… (Uqer's layout).")
]
Start = Annotated[str | None, typer.Option(help="First day to trade; earlier bars only train.")]
End = Annotated[str | None, typer.Option(help="Last day; later bars change nothing.")]
TopK = Annotated[
    int | None, typer.Option(help="Names to hold. [default: 10; 5 on the embedded data]")
]
Lookback = Annotated[int | None, typer.Option(help="Steps the network sees.")]
Step = Annotated[str | None, typer.Option(help="A step is a 'day' or a 'month'.")]
Refit = Annotated[int | None, typer.Option(help="Months between refits. [default: the model's]")]
MinMonths = Annotated[
    int | None,
    typer.Option(help="Labeled months before the first trade. [default: the model's]"),
]
Window = Annotated[
    int | None,
    typer.Option(help="Months to train on. [default: all so far; 120 on the embedded data]"),
]
TrainOn = Annotated[
    str | None,
    typer.Option(
        help="'all': fit on every stock in the data, not on the members alone. [default: members]"
    ),
]
Within = Annotated[
    str | None,
    typer.Option(help="Rank returns within deciles of this line; 'size' is the market value."),
]
Weights = Annotated[
    str | None, typer.Option(help="'size': rows count by likeness in size to the members.")
]
Rebalance = Annotated[
    str, typer.Option(help="'entrants' leaves stayers alone, 'full' equalizes all.")
]
Cash = Annotated[float, typer.Option(help="Starting cash.")]
Commission = Annotated[
    float | None, typer.Option(help="Fraction of the traded value. [default: 0.001]")
]
Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        "--market",  # its name until 0.1
        help="'ashare': lots, price limits, T+1, suspensions, fees.",
    ),
]
Slippage = Annotated[float, typer.Option(help="Fraction of the price.")]
Periods = Annotated[float, typer.Option(help="Sessions per year (China: 242).")]
Riskfree = Annotated[float, typer.Option(help="Risk-free rate a year, a fraction.")]
RandomState = Annotated[int | None, typer.Option(help="Same number, same result. [default: 0]")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or auto. [default: cpu]")]
Jobs = Annotated[int, typer.Option(help="Processes that train at once; -1: one per core.")]
Dask = Annotated[
    str | None,
    typer.Option(
        help="Train on this Dask cluster instead: tcp://host:8786. Its scheduler can run code here."
    ),
]
DaskCa = Annotated[
    Path | None,
    typer.Option("--dask-tls-ca", help="Authority's certificate (PEM), for tls://host:8786."),
]
DaskCert = Annotated[Path | None, typer.Option("--dask-tls-cert", help="Your certificate (PEM).")]
DaskKey = Annotated[
    Path | None,
    typer.Option("--dask-tls-key", help="Its key (PEM). [default: in the certificate's file]"),
]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]
