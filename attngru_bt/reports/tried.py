"""What a choice among several models is worth, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from attngru_bt.evaluation.tries import Tries
from attngru_bt.reports.tables import number, one, per_cent


def tried(tries: Tries, titles: Mapping[str, str], measured: str) -> list[str]:
    """Say how many tries there were, and how far the best of them can be trusted.

    Parameters
    ----------
    tries : Tries
    titles : mapping of str to str
        What a reader knows the candidates by.
    measured : str
        What was measured of them.
    """
    count = len(tries.names)
    return [
        f"Tried: {count} models, whose {measured} amount to {one(tries.effective)} independent "
        "tries (Bailey & López de Prado 2014). What was tried before and is not shown counts too.",
        f"Probability of backtest overfitting: {per_cent(tries.overfitting, 0)}. In so many of 924 "
        f"ways to cut {tries.periods} of these returns into halves, the best model of one half "
        "was no better than the median of the other. A choice among models without skill has 50% "
        "(Bailey, Borwein, López de Prado & Zhu 2017).",
        "Deflated Sharpe ratio of these returns of the best, "
        f"{titles.get(tries.best, tries.best)}: {number(tries.deflated)}. The probability that it "
        f"beats the best of {one(tries.effective)} tries without skill; above 0.95 is seldom luck.",
    ]
