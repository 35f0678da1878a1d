"""The commands: ``attngru-bt backtest``, ``factors``, ``fetch`` and more."""

from __future__ import annotations

from typing import Annotated

import typer

from attngru_bt import __version__
from attngru_bt.cli import audit, backtest, compare, demo, factors, fetch, models, picks, reconcile
from attngru_bt.cli.console import out

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Honest deep-learning stock selection for backtrader.",
)
app.command("backtest", epilog=backtest.EXAMPLES)(backtest.backtest)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.add_typer(factors.app, name="factors")
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("picks", epilog=picks.EXAMPLES)(picks.picks)
app.command("reconcile", epilog=reconcile.EXAMPLES)(reconcile.reconcile)
app.add_typer(models.app, name="models")
app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
app.command("fetch", epilog=fetch.EXAMPLES)(fetch.fetch)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"attngru_bt {__version__}", highlight=False)
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass
