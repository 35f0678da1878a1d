"""The account of a run: cash, costs, and the trading rules of the market."""

from __future__ import annotations

from typing import Any

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_cerebro import PanelCerebro
from attngru_bt.markets import AShare

COMMISSION = 0.001  # where no rules bring fees of their own


def open_account(cash: float, commission: float | None, slippage: float, rules: Any) -> bt.Cerebro:
    """Return an engine with an account, and with the trading rules of its market.

    Parameters
    ----------
    cash : float
        In the currency of the prices.
    commission : float or None
        Fraction of the traded value; None: `COMMISSION`, or the fees of the rules.
    slippage : float
        Fraction of the price; under rules a fill stays within the day's range.
    rules : {"ashare"}, object with ``install(cerebro)`` or None

    Raises
    ------
    ValueError, TypeError
        If one of them is out of range, or both `commission` and `rules` are given.
    """
    rules = _rules(rules)
    if commission is None:
        commission = COMMISSION
    elif rules is not None:
        raise ValueError(
            "`commission` has no effect beside `rules`, which bring their own fees: give it to "
            "them, as in AShare(commission=0.0003)."
        )
    if not 0 < cash < float("inf"):
        raise ValueError(f"`cash` must be a positive amount; got {cash!r}.")
    for name, value in (("commission", commission), ("slippage", slippage)):
        if not 0 <= value < 0.5:
            raise ValueError(
                f"`{name}` must be a fraction from 0 up to 0.5 (0.001 = 0.1%); got {value!r}."
            )
    make: Any = PanelCerebro  # its metaclass takes the parameters
    cerebro: bt.Cerebro = make(stdstats=False, cheat_on_open=True)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission)
    if slippage:
        cerebro.broker.set_slippage_perc(
            slippage, slip_open=True, slip_match=True, slip_out=rules is None
        )
    if rules is not None:
        rules.install(cerebro)
    return cerebro


def _rules(rules: Any) -> Any:
    """Return the rules as an object; None stays None."""
    if isinstance(rules, str):
        if rules != "ashare":
            raise ValueError(f"`rules` must be 'ashare' or an object; got {rules!r}.")
        return AShare()
    if rules is not None and not hasattr(rules, "install"):
        raise TypeError(
            "`rules` must be 'ashare' or have a method install(cerebro), such as "
            f"attngru_bt.markets.AShare(); got {type(rules).__name__}."
        )
    return rules
