"""``attngru-bt fetch``: daily bars from a vendor, as a panel folder."""

from __future__ import annotations

import logging
import shlex
from contextlib import closing
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.markup import escape

from attngru_bt import checks
from attngru_bt.cli.console import err, log_to_stderr, out, sentences
from attngru_bt.cli.inputs import date
from attngru_bt.data.vendors import VENDORS, Downloaded, Patience, download
from attngru_bt.data.vendors.parts import Parts

EXAMPLES = """
**Examples**

The SSE 50 with its members as they were: `attngru-bt fetch --source baostock --universe sse50
--start 2015-01-01 --end 2019-12-31 --out sse50`

Tickers of Yahoo with an index: `attngru-bt fetch --source yfinance --universe AAPL,MSFT,JNJ
--index ^GSPC --start 2010-01-01 --out us`

Symbols of a file, one a line, or with in_date and out_date: `attngru-bt fetch --source akshare
--universe members.csv --start 2015-01-01 --out mine`

Interrupted or failed? The same command goes on where it stopped.
"""


def fetch(
    source: Annotated[str, typer.Option(help="akshare, baostock or yfinance.")],
    universe: Annotated[
        str,
        typer.Option(help="sse50, csi300, csi500; a file of symbols; or SYMBOL,SYMBOL,…"),
    ],
    start: Annotated[str, typer.Option(help="First day.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the panel.")],
    end: Annotated[
        str | None, typer.Option(help="Last day. [default: yesterday, or that of the fetch begun]")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(help="Index to write beside it. [default: that of the universe]"),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="Of the panel: parquet or csv.gz.")
    ] = "parquet",
    pause: Annotated[
        float | None,
        typer.Option(help="Seconds between requests. [default: 0.5; baostock 0.1]"),
    ] = None,
    retries: Annotated[int, typer.Option(help="Repetitions of a failed request.")] = 5,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Write the panel even if symbols failed.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what an earlier fetch left in the folder.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each repetition.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Fetch daily bars from a vendor into a panel folder; start again to go on."""
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    with sentences(debug, out_dir):
        checks.one_of("--source", source, VENDORS)
        first = date("start", start)
        last = _until(out_dir, fresh) if end is None else date("end", end)
        kind = VENDORS[source]
        patience = Patience(kind.pause if pause is None else pause, retries)
        given = ["--source", source, "--universe", universe, "--start", first, "--end", last]
        given += ["--out", str(out_dir), "--format", form]
        given += ["--index", index] if index else []
        again = shlex.join(["attngru-bt", "fetch", *given])
        telling = _Telling(again)
        _say(f"{source}: {universe}, {first} .. {last}")
        with closing(kind(patience)) as vendor:
            try:
                report = download(
                    vendor,
                    universe,
                    first,
                    last,
                    out_dir,
                    index=index,
                    form=form,
                    allow_missing=allow_missing,
                    fresh=fresh,
                    begin=telling.begin,
                    progress=telling.symbol,
                )
            except KeyboardInterrupt:
                telling.stop()
                _say(f"\nInterrupted: {telling.kept()} Go on with: {again}")
                raise typer.Exit(130) from None
            finally:
                telling.stop()
        telling.end(report)
        if report.failed and not allow_missing:
            raise typer.Exit(1)
    for path in report.files:
        out.print(f"  {path}", highlight=False, markup=False, soft_wrap=True)


def _say(text: str) -> None:
    err.print(text, highlight=False, soft_wrap=True, markup=False)


def _until(folder: Path, fresh: bool) -> str:
    """Return the end when none is given: that of the fetch begun here, or else yesterday."""
    begun = None if fresh else Parts.planned(folder, "end")
    return begun or f"{pd.Timestamp.now().normalize() - pd.Timedelta(days=1):%Y-%m-%d}"


class _Telling:
    """What a fetch says while it goes, on stderr."""

    def __init__(self, again: str) -> None:
        self.again = again
        self.report: Downloaded | None = None
        self._status = err.status("") if err.is_terminal else None

    def begin(self, report: Downloaded) -> None:
        self.report = report
        text = f"{len(report.symbols)} symbols"
        if report.skipped:
            text += f", {len(report.skipped)} of them finished by an earlier start and skipped"
        _say(text)
        if not report.point_in_time:
            _say(
                "Warning: who was a member when is not known, so no membership.csv is written: "
                "a backtest on these symbols knows who survived; attngru-bt audit looks for that."
            )

    def symbol(self, report: Downloaded, symbol: str) -> None:
        done = len(report.fetched) + len(report.empty) + len(report.failed)
        text = f"{done + len(report.skipped)}/{len(report.symbols)}  {symbol}"
        if self._status is not None:
            self._status.start()
            self._status.update(escape(text))
        elif done % 50 == 0:
            _say(text)

    def kept(self) -> str:
        if self.report is None:
            return "nothing was fetched yet."
        done = len(self.report.skipped) + len(self.report.fetched)
        return f"{done} of {len(self.report.symbols)} symbols are finished and kept."

    def end(self, report: Downloaded) -> None:
        if report.empty:
            _say(
                f"Warning: {len(report.empty)} symbols have no bar in this time: "
                f"{_some(report.empty)}."
            )
        if report.failed:
            symbol, reason = next(iter(report.failed.items()))
            _say(f"{len(report.failed)} symbols failed: {_some(list(report.failed))}; {reason}")
        if report.failed and not report.files:
            _say(
                f"No panel was written: {self.kept()} Go on with: {self.again} , or add "
                "--allow-missing to do without the failed ones."
            )

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
