"""Picks are what a backtest does next: the same scores, the same orders."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from attngru_bt import Bars, DataError, Market, Membership, MonthlyTopK, make_market, picks
from attngru_bt.backtest import run as backtest
from attngru_bt.backtest import scored
from attngru_bt.markets import AShare
from attngru_bt.picks.tables import sentences

FACTORS = ["PB", "PE", "BIAS5", "ROC20"]
SETTINGS = dict(
    model="ridge", topk=3, factors=FACTORS, n_components=None, min_months=4, refit=2, lookback=1
)
CASH = 100_000.0


def opening_at_the_last_close(market):
    """The same market, each session of which opens at the close before: what picks assume."""
    bars = market.bars
    lines = dict(bars.lines)
    before = pd.DataFrame(lines["close"]).ffill().shift().to_numpy()
    lines["open"] = np.where(bars.traded & ~np.isnan(before), before, lines["close"])
    lines["high"] = np.fmax(lines["high"], lines["open"])
    lines["low"] = np.fmin(lines["low"], lines["open"])
    return replace(market, bars=Bars(bars.dates, bars.assets, lines))


@pytest.fixture(scope="module")
def market():
    return opening_at_the_last_close(make_market(12, 430, seed=5, signal=0.3, gaps=0, delisted=0))


@pytest.fixture(scope="module")
def run(market, tmp_path_factory):
    """One backtest over all months, and its checkpoints, without a report."""
    folder = tmp_path_factory.mktemp("run")
    params = {name: value for name, value in SETTINGS.items() if name != "model"}
    traded = scored(
        market, "ridge", params | {"universe": None}, start=None, folder=folder / "checkpoints"
    )
    return backtest(market, MonthlyTopK, cash=CASH, **traded), folder


def account_before(strategy, date, factor=1.0):
    """Real shares held and cash at the start of a session."""
    log = strategy.trade_log.frame()
    fills = log[log["event"].isin(("fill", "partial")) & (log["date"] < date)]
    sign = np.where(fills["side"] == "buy", 1.0, -1.0)
    held = (fills["size"] * sign).groupby(fills["asset"]).sum()
    cash = CASH - (fills["value"] * sign).sum() - fills["commission"].sum()
    return {name: round(n * factor, 6) for name, n in held.items() if abs(n) > 1e-9}, cash


def orders_on(strategy, date):
    log = strategy.trade_log.frame()
    rows = log[(log["date"] == date) & (log["event"] == "order")]
    return [(r.asset, r.side, r.size, round(r.price, 6)) for r in rows.itertuples()]


def proposed(found):
    return [(r.symbol, r.side, r.shares, r.price) for r in found.orders.itertuples()]


@pytest.mark.slow
def test_every_month_end_is_picked_as_the_backtest_trades_it(market, run):
    strategy, folder = run
    decisions = strategy.decisions
    assert len(decisions) >= 14
    n_orders = 0
    for number, decision in enumerate(decisions[-14:]):
        month_end, session = decision["month_end"], decision["date"]
        holdings, cash = account_before(strategy, session)
        found = picks.run(
            market.until(month_end),
            holdings=holdings,
            cash=cash,
            today=session,
            # from the checkpoints of the backtest, and every seventh month from nothing
            folder=None if number % 7 == 0 else folder,
            explain=False,
            **SETTINGS,
        )
        assert found.month.end == month_end and found.month.session == session
        expected = strategy.scores_by_month[month_end]
        pd.testing.assert_series_equal(found.scores, expected, check_exact=True)
        assert found.n_found == (0 if number % 7 == 0 else found.n_scored)
        assert proposed(found) == orders_on(strategy, session)
        actions = found.picks.set_index("symbol")["action"]
        for action, names in (("sell", "exits"), ("buy", "entrants"), ("hold", "stayers")):
            assert set(actions.index[actions == action]) == set(decision[names])
        n_orders += len(found.orders)
        assert (found.orders["cash_after"] >= 0).all()
    assert n_orders > 14, "the months ask for trades"


def ashares(market, factor=1.6):
    """The same stocks under names of Shanghai, with prices adjusted by a factor."""
    bars = market.bars
    lines = {n: v * factor if n in ("open", "high", "low", "close") else v
             for n, v in bars.lines.items() if n != "preclose"}  # fmt: skip
    lines["adjfactor"] = np.where(bars.traded, factor, np.nan)
    names = tuple(f"6000{i:02d}.SH" for i in range(len(bars.assets)))
    return replace(market, bars=Bars(bars.dates, names, lines))


@pytest.mark.slow
def test_under_the_rules_orders_are_lots_of_real_shares(market):
    factor = 1.6
    chinese = ashares(market, factor)
    settings = dict(SETTINGS, rules="ashare", start="2016-04-01")
    strategy = backtest(chinese, cash=CASH, **settings)
    sides = set()
    for decision in strategy.decisions[1:5]:
        month_end, session = decision["month_end"], decision["date"]
        holdings, cash = account_before(strategy, session, factor)
        found = picks.run(
            chinese.until(month_end), holdings=holdings, cash=cash, today=session, explain=False,
            **settings,
        )  # fmt: skip
        expected = [
            (name, side, pytest.approx(size * factor), pytest.approx(price / factor))
            for name, side, size, price in orders_on(strategy, session)
        ]
        assert proposed(found) == expected
        close = chinese.until(month_end).bars.frame("close").ffill().iloc[-1] / factor
        worth = sum(shares * close[name] for name, shares in holdings.items())
        assert found.proposal.value == pytest.approx(cash + worth)
        sides |= set(found.orders["side"])
        buys = found.orders[found.orders["side"] == "buy"]
        assert (buys["shares"] % 100 == 0).all() and (buys["fees"] >= 5.0).all()
        assert found.orders["limit_up"].to_numpy() == pytest.approx(
            1.1 * found.orders["price"].to_numpy(), abs=0.011
        )
        assert (found.orders["limit_up"] * 100 % 1).round(6).isin((0, 1)).all(), "whole cents"
    assert sides == {"buy", "sell"}


# -- what the last session tells -------------------------------------------------------------------

DAYS = pd.bdate_range("2019-10-01", "2019-12-31")
NAMES = tuple(f"60000{i}" for i in range(6))


class BestFirst(BaseEstimator):
    """The same scores at every month-end: names in their order."""

    def scores(self, bars):
        return pd.Series(np.arange(len(bars.assets), 0.0, -1.0), index=list(bars.assets))


def flat_market(**changes):
    """Six stocks that stay at 10, but for what a test changes: line → {name: values of the end}."""
    lines = {n: np.full((len(DAYS), 6), 10.0) for n in ("open", "high", "low", "close")}
    lines["volume"] = np.full((len(DAYS), 6), 1e6)
    for line, ends in changes.items():
        lines.setdefault(line, np.zeros((len(DAYS), 6)))
        for name, values in ends.items():
            lines[line][-len(values) :, NAMES.index(name)] = values
    closed = np.isnan(lines["close"])
    lines = {name: np.where(closed, np.nan, values) for name, values in lines.items()}
    return Market(Bars(DAYS, NAMES, lines), None, None, "flat")


def pick(market, **options):
    options = (
        dict(model=BestFirst(), topk=2, rules="ashare", asof="2019-12-31", cash=50_000) | options
    )
    found = picks.run(market, **options)
    rows = found.picks.set_index("symbol")
    actions = {name: row["action"] for name, row in rows.iterrows() if row["action"]}
    return found, actions, rows["reason"].to_dict()


def four_prices(name, price):
    return {line: {name: [price]} for line in ("open", "high", "low", "close")}


def test_a_name_locked_at_its_up_limit_is_passed_over():
    found, actions, reasons = pick(flat_market(**four_prices("600000", 11.0)))
    assert actions == {"600000": "pass", "600001": "buy", "600002": "buy"}
    assert reasons["600000"] == (
        "locked at its up limit on 2019-12-31: the next in rank takes its place"
    )
    assert reasons["600001"] == "among the best 2"
    assert reasons["600002"] == "in the place of a better one"
    assert set(found.orders["symbol"]) == {"600001", "600002"}


def test_a_holding_locked_at_its_down_limit_waits_and_its_cash_is_not_counted_on():
    market = flat_market(**four_prices("600005", 9.0))
    found, actions, reasons = pick(market, holdings={"600005": 1000, "600000": 500}, cash=100.0)
    assert actions["600005"] == "wait" and actions["600000"] == "hold"
    assert reasons["600005"] == (
        "locked at its down limit on 2019-12-31: to be sold as soon as it trades"
    )
    (order,) = found.orders.to_dict("records")
    assert (order["symbol"], order["side"], order["cash_after"]) == ("600005", "sell", 100.0)
    assert order["reason"].endswith("its cash is not counted on")
    assert (order["limit_down"], order["limit_up"]) == (8.1, 9.9)
    assert "Cannot be counted on to be sold: 600005" in " ".join(sentences(found))


def test_suspended_names_are_neither_bought_nor_sold():
    market = flat_market(close={"600005": [np.nan]}, volume={"600000": [0.0]})
    found, actions, reasons = pick(market, holdings={"600005": 1000})
    assert actions == {"600000": "pass", "600001": "buy", "600005": "wait"}
    assert reasons["600000"].startswith("suspended on 2019-12-31")
    assert reasons["600005"].startswith("no bar on 2019-12-31: to be sold as soon as it trades")
    # the holding keeps its slot, and the entrant has the cash of one
    assert found.orders["symbol"].tolist() == ["600001"]


def test_what_is_held_has_gained_since_it_was_bought():
    held = pd.DataFrame({"symbol": ["600000"], "shares": [500], "cost": [8.0]})
    found, *_ = pick(flat_market(), holdings=held)
    assert found.proposal.gains == {"600000": 0.25}


def test_a_function_of_weights_sees_all_bars():
    seen = []

    def alike(scores, bars):
        seen.append((bars.assets, set(bars.lines)))
        return scores * 0 + 1 / len(scores)

    market = flat_market(mine={"600000": [1.0]})
    scores = pd.Series([2.0, 1.0], index=["600001", "600002"])
    table = pd.DataFrame([scores], index=[DAYS[-1]])
    pick(market, model=table, weights=alike)
    assert seen and all(assets == NAMES and "mine" in lines for assets, lines in seen)


def test_st_names_have_the_limits_of_st():
    found, *_ = pick(flat_market(st={"600000": [1.0] * len(DAYS)}))
    limits = found.orders.set_index("symbol")[["limit_down", "limit_up"]]
    assert limits.loc["600000"].tolist() == [9.5, 10.5]
    assert limits.loc["600001"].tolist() == [9.0, 11.0]


def test_a_delisted_holding_is_settled():
    market = flat_market(close={"600005": [np.nan] * 20})
    listing = pd.DataFrame({"symbol": ["600005"], "in_date": [""], "out_date": ["2019-12-20"]})
    rules = AShare(listing=listing)
    found, actions, reasons = pick(market, rules=rules, holdings={"600005": 1000}, cash=40_000.0)
    assert actions == {"600000": "buy", "600001": "buy", "600005": "settled"}
    assert "delisted on 2019-12-20: settled at its last traded price" in reasons["600005"]
    assert found.proposal.cash == found.proposal.value == 50_000.0


def test_without_rules_a_holding_without_a_bar_for_long_is_kept():
    market = flat_market(close={"600005": [np.nan] * 40})
    _, actions, reasons = pick(
        market, rules=None, holdings={"600005": 1000, "600004": 10}, stale_days=30
    )
    assert actions == {"600000": "buy", "600001": "buy", "600004": "sell", "600005": "keep"}
    assert "no bar since 2019-11-05" in reasons["600005"]


def test_a_sale_whose_fees_are_not_paid_is_an_error_of_its_line(tmp_path):
    path = tmp_path / "holdings.csv"
    path.write_text("symbol,shares\nCASH,0\n600005,1\n")
    market = flat_market(**four_prices("600005", 2.0))
    with pytest.raises(DataError) as error:
        pick(market, holdings=path, cash=None)
    assert str(error.value) == (
        f"{path}, line 3: selling 600005 brings 2.00, and its fees are more than that and "
        f"the cash together; give more cash."
    )
    path.write_text("symbol,shares\nCASH,0\n600005,1\n600004,100\n")
    found, *_ = pick(market, holdings=path, cash=None)
    assert found.orders["symbol"].tolist()[:2] == ["600004", "600005"], "what pays comes first"
    assert (found.orders["cash_after"] >= 0).all()


def test_no_cash_buys_nothing():
    found, actions, reasons = pick(flat_market(), cash=900.0)
    assert actions == {"600000": "pass", "600001": "pass"} and found.orders.empty
    assert reasons["600000"] == "its share of the cash, 450.00, buys less than one lot"


def test_late_picks_say_so():
    found, actions, _ = pick(flat_market().until("2019-12-04"), asof=None, today="2019-12-04")
    assert found.month.end == pd.Timestamp("2019-11-29") and actions["600000"] == "buy"
    assert found.month.session == pd.Timestamp("2019-12-05")
    assert "The picks are late" in " ".join(sentences(found))
    assert "is the next weekday. If it is a holiday" in " ".join(sentences(found))


def test_who_left_the_universe_meanwhile_is_not_bought(caplog):
    stays = pd.DataFrame(
        {"symbol": NAMES, "in_date": "2019-01-01", "out_date": ["2019-12-03", *[""] * 5]}
    )
    market = replace(flat_market().until("2019-12-04"), membership=Membership.from_frame(stays))
    found, actions, _ = pick(market, asof=None, today="2019-12-04")
    assert "600000" in found.scores and "600000" not in found.picks["symbol"].tolist()
    assert actions == {"600001": "buy", "600002": "buy"}
    found, actions, _ = pick(market, asof=None, today="2019-12-04", holdings={"600000": 500})
    assert actions == {"600000": "sell", "600001": "buy", "600002": "buy"}
    row = found.picks.set_index("symbol").loc["600000"]
    assert row[["rank", "score", "decile"]].isna().all() and row["held"] == 500
    assert "have no bars" not in caplog.text  # it has, though none is needed of who has left
    gone = replace(market, membership=Membership.from_frame(stays.assign(out_date="2019-12-03")))
    with pytest.raises(DataError, match="None of the 6 stocks with a score is in the universe"):
        pick(gone, asof=None, today="2019-12-04")


def test_scores_from_elsewhere():
    days = pd.DatetimeIndex(["2019-11-29", "2019-12-31"])
    table = pd.DataFrame([[1.0, 2.0, 3.0], [3.0, 2.0, np.nan]], days, list(NAMES[:3]))
    found, actions, _ = pick(flat_market(), model=table)
    assert actions == {"600000": "buy", "600001": "buy"} and found.title == "Given scores"
    assert found.changes.ranks == {"600002": 1, "600001": 2, "600000": 3}
    with pytest.raises(
        DataError, match="No stock is scored at the month-end 2019-12-31: the given"
    ):
        pick(flat_market(), model=table.loc[[]].reindex(columns=list(NAMES)))


def test_given_scores_of_an_earlier_month_lead_to_no_orders():
    market = make_market(n_assets=6, n_days=120, seed=1, late=0, gaps=0, delisted=0)
    names, dates = list(market.bars.assets), market.bars.dates
    ends = dates[np.flatnonzero(dates.month[1:] != dates.month[:-1])]
    scores = pd.DataFrame(np.arange(6.0)[None].repeat(len(ends), 0), index=ends, columns=names)
    asof = ends[-1] + pd.offsets.MonthEnd(0)
    known = market.until(ends[-1])
    given = picks.run(known, model=scores, asof=asof, topk=2)
    assert list(given.orders["symbol"]) == [names[5], names[4]]
    with pytest.raises(DataError, match=f"given scores end on {ends[-2].date()}, and the picks"):
        picks.run(known, model=scores.iloc[:-1], asof=asof, topk=2)
