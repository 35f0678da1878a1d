"""Checks of what a monthly strategy is given, before anything is fitted or traded."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.schedule import schedule_of
from attngru_bt.feeds.engine import bt
from attngru_bt.trading.groups import check_groups
from attngru_bt.trading.weights import check_weights

logger = logging.getLogger(__name__)


def check_parameters(params: Any) -> None:
    """Raise ValueError or TypeError for a parameter of `MonthlyTopK` out of range."""
    checks.whole_number("topk", params.topk)
    checks.whole_number("keep", params.keep, params.topk, or_none=True)
    checks.whole_number("stale_days", params.stale_days)
    checks.fraction("reserve", params.reserve)
    checks.one_of("rebalance", params.rebalance, ["entrants", "full"])
    check_weights(params.weights)
    check_groups(params.groups, params.max_per_group)
    checks.number("lot", params.lot, at_least=0)  # 0: fractions of a share
    checks.number("wait", params.wait, at_least=0)
    for name in ("substitute", "retry"):
        checks.one_of(name, getattr(params, name), [True, False])
    if params.calendar is not None and not hasattr(params.calendar, "last_monthday"):
        raise TypeError(
            f"`calendar` must be a bt.TradingCalendar with the sessions of the exchange "
            f"(docs/month_end.md); got {params.calendar!r}."
        )
    if params.start is not None:
        checks.date("start", params.start)
    checks.universe("universe", params.universe)
    schedule_of(params.schedule)


def check_engine(strategy: bt.Strategy, *, at_open: bool, has_rules: bool) -> None:
    """Check the parameters of a strategy against how its Cerebro fills orders.

    Parameters
    ----------
    strategy : bt.Strategy
    at_open : bool
        Whether orders fill at the open of the current session.
    has_rules : bool
        Whether an exchange's rules are at work in the broker.
    """
    if getattr(strategy.env.p, "oldsync", False):
        raise ValueError(
            "bt.Cerebro(oldsync=True) follows the clock of its first feed, drops what other feeds "
            "have on further days, and never calls next_open: run Cerebro without oldsync."
        )
    at_close = getattr(strategy.broker.p, "coc", False)  # orders fill at the close of the decision
    if at_open and at_close:
        logger.warning(
            "Cerebro runs with cheat_on_open=True and broker.set_coc(True): what is sized on the "
            "opens of a session fills at its closes; leave one of the two out."
        )
    if not at_open and not at_close and strategy.p.calendar is None:
        logger.warning(
            "Cerebro runs without cheat_on_open=True: what is decided before a session fills "
            "at the open of the session after it. bt.Cerebro(cheat_on_open=True) fills it at "
            "the session's own open."
        )
    if has_rules and strategy.p.lot != 1:
        raise ValueError(
            f"`lot` has no effect beside market rules, which know each stock's own; "
            f"got lot={strategy.p.lot!r}."
        )


def check_universe(universe: Any, names: Collection[str]) -> list[str]:
    """Refuse a universe none of whose members has a feed; return what else to warn of."""
    problems = universe.check(names) if hasattr(universe, "check") else []
    if problems and not set(getattr(universe, "symbols", names)) & set(names):
        raise DataError(problems[-1])
    return list(problems)
