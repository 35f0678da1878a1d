"""Figures of the account on a page, against the analyzer's own."""

import numpy as np
import pandas as pd
import pytest
from test_tearsheet import MARKET, Trader, make_run

from attngru_bt.analyzers.performance import monthly
from attngru_bt.evaluation.rolling import rolling_volatility
from attngru_bt.reports import portfolio_charts
from attngru_bt.reports.collect import collect
from attngru_bt.reports.portfolio import PortfolioFigures
from attngru_bt.reports.tables import per_cent, points


@pytest.fixture(scope="module")
def figures():
    return PortfolioFigures(collect(make_run(Trader), baseline=make_run(Trader), market=MARKET))


@pytest.mark.slow
def test_contributions_add_up_to_the_returns(figures):
    returns = figures.sheet.returns
    assert figures.contributions.sum() == pytest.approx(returns.sum())
    assert figures.contributions.is_monotonic_decreasing


def test_commission_is_the_difference_before_and_after(figures):
    paid = ((figures.before_costs - figures.sheet.returns) * figures.before).sum()
    assert paid == pytest.approx(figures.sheet.metrics["costs"])


def test_turnover_is_that_of_the_analyzer(figures):
    share = portfolio_charts.monthly_turnover(figures)
    months = len(figures.sheet.returns) / 252 * 12
    # the mean value of a month is not that of the run
    assert share.sum() * 12 / months == pytest.approx(figures.sheet.metrics["turnover"], rel=0.05)


def test_years_and_months_compound_to_the_whole(figures):
    total = 1 + figures.sheet.metrics["total_return"]
    for table in (figures.yearly(), figures.months()):
        assert (1 + table.iloc[:, 0]).prod() == pytest.approx(total)
    expected = monthly(figures.sheet.returns)
    assert figures.months().iloc[:, 0].tolist() == pytest.approx(expected.tolist())
    assert [row.name for row in figures.year_table().rows] == ["2020", "2021"]
    assert len(figures.month_table().rows[0].cells) == 13


def test_the_deepest_loss_is_that_of_the_analyzer(figures):
    row = figures.drawdown_table().rows[0]
    metrics = figures.sheet.metrics
    assert row.name == f"{100 * metrics['max_drawdown']:.1f}%"
    assert row.cells[0].text == f"{metrics['drawdown_peak']:%Y-%m-%d}"
    assert row.cells[1].text == f"{metrics['drawdown_trough']:%Y-%m-%d}"


def test_weights_are_those_of_the_positions(figures):
    share = portfolio_charts.month_end_weights(figures)
    positions = figures.sheet.performance.positions()
    expected = positions.div(positions.sum(axis=1), axis=0).loc[share.index, share.columns]
    pd.testing.assert_frame_equal(share, expected, check_names=False)


def test_orders_grow_with_the_account(figures):
    rows = figures.capacity_table().rows
    assert [row.name for row in rows] == ["1,000,000", "10,000,000", "100,000,000", "1,000,000,000"]
    fills = figures.fills
    first = fills[fills["date"] == fills["date"].min()].iloc[0]
    at = MARKET.bars.dates.get_loc(first["date"])
    column = MARKET.bars.assets.index(first["symbol"])
    usual = np.median(MARKET.bars["amount"][at - 21 if at > 21 else 0 : at, column])
    days = first["size"] * first["price"] / figures.before[first["date"]] * 1e9 / usual
    largest = float(rows[-1].cells[2].text.replace(",", ""))
    assert 0.1 * days < largest < 10 * days


def test_small_orders_have_two_digits(figures):
    for row in figures.capacity_table().rows:
        for text in (cell.text for cell in row.cells[:3]):
            if float(text.replace(",", "")) < 0.1:
                assert len(text.replace("0.", "", 1).lstrip("0")) == 2, text


@pytest.mark.parametrize(
    ("deviation", "first"), [(0.04, "0%"), (0.002, "0.0%")], ids=["per cent", "tenths"]
)
def test_months_by_return_begin_at_round_numbers(figures, monkeypatch, deviation, first):
    months = pd.date_range("2015-01", periods=60, freq="MS").to_period("M")
    values = np.random.default_rng(0).normal(0, deviation, (60, 2))
    table = pd.DataFrame(values, index=months, columns=["a", "b"])
    monkeypatch.setattr(PortfolioFigures, "months", lambda self: table)
    names = portfolio_charts.distribution(figures).x.names
    assert first in names and not any("+" in name for name in names)
    assert len({len(name.split(".")) for name in names}) == 1


def test_the_strongest_color_is_the_largest_weight(figures):
    share = portfolio_charts.month_end_weights(figures)
    assert portfolio_charts.largest_weight(figures) == pytest.approx(share.to_numpy().max())


def test_the_worst_months_are_those_of_the_index(figures):
    table = figures.worst_months(2)
    index = figures.months().iloc[:, -1]
    assert [row.name for row in table.rows] == [str(m) for m in index.nsmallest(2).index]
    assert table.rows[0].cells[-1].tone < 0


def test_at_the_commission_that_was_paid_nothing_changes(figures):
    rows = {row.name: row.cells for row in figures.cost_table().rows}
    metrics = figures.sheet.metrics
    assert list(rows) == ["0 ×", "1 ×", "2 ×", "3 ×", "5 ×"]
    assert rows["1 ×"][0].text == per_cent(metrics["annual_return"])
    assert rows["1 ×"][1].text == f"{metrics['sharpe']:.2f}".replace("-", "\u2212")
    assert rows["1 ×"][2].text == points(metrics["excess_return"])
    gross = (1 + figures.before_costs).prod() ** (252 / len(figures.before_costs)) - 1
    assert rows["0 ×"][0].text == per_cent(gross)


def test_volatility_over_time_ends_at_that_of_the_last_year(figures):
    returns = figures.sheet.returns
    found = rolling_volatility(returns, 252)
    assert found.iloc[-1] == pytest.approx(returns.iloc[-252:].std() * 252**0.5)
    assert found.iloc[:251].isna().all()
