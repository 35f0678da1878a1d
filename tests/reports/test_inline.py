"""What a notebook shows of markets, walks, runs and reports: small tables, and pages in frames."""

import html
import re

import pandas as pd
import pytest

from attngru_bt import audit, backtest, walk_forward
from attngru_bt.audit.report import failed, passed
from attngru_bt.data import Bars
from attngru_bt.trading.trade_log import TradeLog

SMALL = 8_000  # characters: no screen of arrays


@pytest.fixture(scope="module")
def walk(market):
    (found,) = walk_forward(market, ["ridge"], topk=3, factors=["PB", "MA10"])
    return found


@pytest.fixture(scope="module")
def strategy(market, walk):
    return backtest.run(market, model=walk, topk=3)


def table_of(shown):
    (table,) = re.findall(r"<table.*?</table>", shown, re.DOTALL)
    return table


def test_bars_show_a_row_per_line_with_what_is_known(market):
    bars = market.bars
    shown = bars._repr_html_()
    assert table_of(shown).count("<tr") == 1 + len(bars.lines) and len(shown) < SMALL
    close = bars.frame("close")
    assert f"{close.notna().to_numpy().mean():.1%}" in shown
    assert f"{close.max().max():,.4g}" in shown


def test_bars_without_a_day_are_shown_too(market):
    assert "0 days" in market.bars.rows(0, 0)._repr_html_()


def test_a_market_shows_its_name_as_text(market):
    from dataclasses import replace

    shown = replace(market, name="<b>mine")._repr_html_()
    assert "&lt;b&gt;mine" in shown and "<b>mine" not in shown.replace("<b>&lt;", "")
    assert "with a benchmark" in shown and market.bars._repr_html_() in shown


@pytest.mark.slow
def test_a_strategy_and_its_trade_log_show_what_happened(strategy):
    log = strategy.trade_log.frame()
    fills = int((log["event"] == "fill").sum())
    assert f"{fills} fills" in strategy._repr_html_()
    assert table_of(strategy._repr_html_()).count("<tr") == 1 + min(fills, 5)
    shown = strategy.trade_log._repr_html_()
    assert f"{len(log)} events" in shown and f"{fills} fill" in shown and len(shown) < SMALL


def test_an_empty_trade_log_is_shown_too():
    assert "0 events" in TradeLog()._repr_html_()


def test_an_audit_report_shows_a_row_per_check():
    finding = audit.Finding("It is not.")
    report = audit.Report(
        "<data>", (passed("a", "all is well"), failed("b", "one <is> not", [finding]))
    )
    shown = report._repr_html_()
    assert table_of(shown).count("<tr") == 3
    assert "&lt;data&gt;: 1 passed, 1 failed" in shown and "one &lt;is&gt; not" in shown


def page_of(shown):
    assert shown.startswith("<iframe ") and shown.count("<") == 2  # the page is in an attribute
    return html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])


@pytest.mark.slow
def test_a_walk_draws_its_rank_ic(walk):
    from attngru_bt.evaluation import monthly_quality, summary

    plot = walk.plot(height=300)
    page = page_of(plot._repr_html_())
    assert page == plot.page and "height: 300px" in plot._repr_html_()
    mean = summary(monthly_quality(walk.labels(), k=3))["mean"]["rank_ic"]
    assert f"{mean:.3f}".lstrip("0") in page.replace("0.", ".").replace("−", "-")
    assert page.count("<svg") == 2


@pytest.mark.slow
def test_a_walk_of_which_no_month_has_ended_says_so(market):
    (short,) = walk_forward(market, ["ridge"], topk=3, factors=["PB"], start="2016-08-01")
    with pytest.raises(ValueError, match="no scored month that has ended"):
        short.plot()


@pytest.mark.slow
def test_a_strategy_shows_the_page_that_save_writes(strategy, market, tmp_path):
    from attngru_bt import tearsheet

    page = page_of(strategy.plot_tearsheet(market=market, title="Mine")._repr_html_())
    path = tearsheet.save(strategy, tmp_path / "x.html", market=market, title="Mine")
    assert page == path.read_text(encoding="utf-8")


def test_a_comparison_shows_a_row_per_model():
    from attngru_bt.compare import Comparison

    table2 = pd.DataFrame({"rank_ic": [0.0512]}, index=pd.Index(["ridge"], name="model"))
    table3 = pd.DataFrame(
        {"sharpe": [1.25, 0.75]}, index=pd.Index(["ridge", "equal-weight"], name="model")
    )
    empty = pd.DataFrame()
    found = Comparison(
        table2, table3, empty, empty, empty, empty, {}, {"ridge": "Ridge <1>"}, {}, None
    )
    shown = found._repr_html_()
    assert table_of(shown).count("<tr") in (3, 4)
    assert "Ridge &lt;1&gt;" in shown and "0.051" in shown and "0.750" in shown


def test_these_are_not_arrays_of_thousands(market):
    assert isinstance(market.bars, Bars) and len(market._repr_html_()) < SMALL
