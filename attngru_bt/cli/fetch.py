"""``attngru-bt fetch``: daily bars from a vendor, as a panel folder."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from attngru_bt import checks
from attngru_bt.cli.console import err, log_to_stderr, say, sentences, tell
from attngru_bt.cli.inputs import date
from attngru_bt.cli.options import DEBUG, shared
from attngru_bt.data.codes import INDEXES
from attngru_bt.data.vendors import VENDORS, Downloaded, Patience, download
from attngru_bt.data.vendors.constituents import SIZES
from attngru_bt.data.vendors.download import last_day

EXAMPLES = """
**Examples**

The SSE 50 with its members as they were: `attngru-bt fetch --source baostock --universe sse50
--start 2015-01-01 --end 2019-12-31 --out sse50`

The S&P 500 as it was, its bars from Yahoo (members: pip install 'attngru_bt[members]'):
`attngru-bt fetch --source yfinance --universe sp500 --start 2012-01-01 --out sp500`

Tickers of Yahoo with an index: `attngru-bt fetch --source yfinance --universe AAPL,MSFT,JNJ
--index ^GSPC --start 2010-01-01 --out us`

Symbols of a file, one a line, or with in_date and out_date: `attngru-bt fetch --source akshare
--universe members.csv --start 2015-01-01 --out mine`

Interrupted or failed? The same command goes on where it stopped.
"""


@shared(DEBUG)
def fetch(
    source: Annotated[str, typer.Option(help="akshare, baostock or yfinance.")],
    universe: Annotated[
        str,
        typer.Option(help=f"{', '.join(INDEXES)}; a file of symbols; or SYMBOL,SYMBOL,…"),
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
        str, typer.Option("--format", help="Format of the panel: parquet or csv.gz.")
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
    **options: Any,
) -> None:
    """Fetch daily bars from a vendor into a panel folder; start again to go on."""
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    with sentences(options["debug"], out_dir):
        checks.one_of("--source", source, VENDORS)
        first = date("start", start)
        # the day is in the command that goes on, so that it means the same tomorrow
        last = f"{last_day(out_dir, fresh=fresh):%Y-%m-%d}" if end is None else date("end", end)
        vendor_class = VENDORS[source]
        patience = Patience(vendor_class.pause if pause is None else pause, retries)
        command = ["attngru-bt", "fetch", "--source", source, "--universe", universe]
        command += ["--start", first, "--end", last, "--out", str(out_dir), "--format", form]
        command += ["--index", index] if index else []
        messages = _Messages(shlex.join(command))
        tell(f"{source}: {universe}, {first} .. {last}")
        with closing(vendor_class(patience)) as vendor:
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
                    begin=messages.begin,
                    progress=messages.symbol,
                )
            except KeyboardInterrupt:
                messages.stop()
                messages.interrupted()
                raise typer.Exit(130) from None
            finally:
                messages.stop()
        messages.end(report)
        if report.failed and not allow_missing:
            raise typer.Exit(1)
    for path in report.files:
        say(f"  {path}")


class _Messages:
    """Messages of a fetch on stderr; `command` is the one that resumes it."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.report: Downloaded | None = None
        self._status = err.status("") if err.is_terminal else None

    def begin(self, report: Downloaded) -> None:
        """Say how many symbols there are, and warn if they may all be survivors."""
        self.report = report
        text = f"{len(report.symbols)} symbols"
        if report.skipped:
            text += f", {len(report.skipped)} of them finished by an earlier start and skipped"
        tell(text)
        if not report.point_in_time:
            tell(
                "Warning: who was a member when is not known, so no membership.csv is written: "
                "a backtest on these symbols knows who survived; attngru-bt audit looks for that. "
                f"pip install 'attngru_bt[members]' has the members of {', '.join(SIZES)}."
            )

    def symbol(self, report: Downloaded, symbol: str) -> None:
        """Show the current symbol on a terminal; in a file write a line for every fiftieth."""
        done = len(report.fetched) + len(report.empty) + len(report.failed)
        text = f"{done + len(report.skipped)}/{len(report.symbols)}  {symbol}"
        if self._status is not None:
            self._status.start()
            self._status.update(escape(text))
        elif done % 50 == 0:
            tell(text)

    def interrupted(self) -> None:
        """Say how to go on after Ctrl-C."""
        tell(f"\nInterrupted: {self._kept()} Go on with: {self.command}")

    def end(self, report: Downloaded) -> None:
        """Say which symbols have no bars or failed, and what to do about it."""
        if report.empty:
            names = _first_ten(report.empty)
            tell(f"Warning: {len(report.empty)} symbols have no bar in this time: {names}.")
        if report.failed:
            reason = next(iter(report.failed.values()))
            tell(f"{len(report.failed)} symbols failed: {_first_ten(report.failed)}; {reason}")
        if report.failed and not report.files:
            tell(
                f"No panel was written: {self._kept()} Go on with: {self.command} , or add "
                "--allow-missing to do without the failed ones."
            )

    def stop(self) -> None:
        """Remove the line that changes in place."""
        if self._status is not None:
            self._status.stop()

    def _kept(self) -> str:
        """Say how many symbols the same command need not fetch again."""
        if self.report is None:
            return "nothing was fetched yet."
        done = len(self.report.skipped) + len(self.report.fetched)
        return f"{done} of {len(self.report.symbols)} symbols are finished and kept."


def _first_ten(names: Collection[str]) -> str:
    return ", ".join(islice(names, 10)) + (", …" if len(names) > 10 else "")
