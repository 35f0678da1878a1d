"""pyfolio's full tear sheet: every section is there, and pyplot is left as it was."""

import re
import warnings

import matplotlib
import matplotlib.figure
import matplotlib.pyplot
import pandas as pd
import pytest
from test_tearsheet import Page, Trader, make_run

from attngru_bt import tearsheet
from attngru_bt.reports.pyfolio_sheet import _table

SECTIONS = ["Returns", "Interesting times", "Positions", "Transactions", "Round trips"]


@pytest.mark.slow
def test_every_section_is_there_and_pyplot_is_as_it_was(tmp_path, monkeypatch):
    save, in_sight = matplotlib.figure.Figure.savefig, []

    def saved(figure, *args, **kwargs):
        for axes in figure.axes:
            if axes.get_title() == "Exposure":
                first, last = axes.get_xlim()
                area = axes.collections[0].get_paths()[0].get_extents()
                in_sight.append(first <= area.x0 < area.x1 <= last)
        return save(figure, *args, **kwargs)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", saved)
    run = make_run(Trader)
    before = dict(matplotlib.rcParams)
    mine = matplotlib.pyplot.figure()
    sheet = tearsheet.pyfolio(run, tmp_path / "pyfolio.html", title="<i>")
    assert matplotlib.pyplot.get_fignums() == [mine.number]
    matplotlib.pyplot.close(mine)
    changed = {k for k, v in matplotlib.rcParams.items() if before[k] != v}
    assert changed <= {"backend"}

    assert list(sheet.sections) == SECTIONS and not sheet.problems
    assert in_sight == [True]
    text = {name: " ".join(parts) for name, parts in sheet.sections.items()}
    assert "Annual return" in text["Returns"] and "Beta" in text["Returns"]  # with the benchmark
    assert "Worst drawdown periods" in text["Returns"]
    assert "Top 10 positions" in text["Positions"]
    for name in ("Returns", "Positions", "Transactions", "Round trips"):
        assert "<img" in text[name], name
    assert "Total number of round_trips" in text["Round trips"]
    assert text["Returns"].count("<img") > 5  # a row of charts each, so that paper cuts none in two
    page = Page(sheet.path)
    assert not page.open and all(a.startswith("data:image/png") for a in page.addresses)
    assert not re.search("<script[^>]*src|://", sheet.path.read_text())
    assert "<h1>&lt;i&gt;</h1>" in sheet.path.read_text()
    assert "<h2>Round trips</h2>" in sheet._repr_html_() and "written to" in repr(sheet)


def test_tables_fit_the_page():
    frame = pd.DataFrame([["58 days 15:12:09.276527331"] * 9, [float("nan")] * 9])
    html = str(_table(frame.to_html()))
    assert html.count("<tr>") == 1 + 9 and html.count("<th>") == 3  # a name is a row
    assert '<td data-label="0">58 days</td><td data-label="1">–</td>' in html
    assert "15:12" not in html and "stack" not in html
    narrow = str(_table(frame[[0, 1]].to_html()))
    assert narrow.count("<tr>") == 1 + 2
    named = frame[[0, 1, 2, 3, 4]].rename_axis(columns="Stats")
    broad = str(_table(named.to_html()))
    assert (
        '<h3>Stats</h3><table class="stack">' in broad and "<b>1</b>" in broad
    )  # blocks on a phone
    assert broad.count('data-label="4"') == 2
    assert str(_table(frame.iloc[:0].to_html())) == ""  # such as short positions where none were


def test_positions_are_pyfolios_in_three_lines():
    strategy = make_run(Trader, days=60)
    returns, positions, transactions, gross_lev = strategy.analyzers.performance.get_pf_items()
    assert str(returns.index.tz) == "UTC" and positions.columns[-1] == "cash"
    assert {"amount", "price", "symbol"} <= set(transactions.columns) and (gross_lev >= 0).all()


@pytest.mark.slow
def test_a_section_that_fails_loses_only_itself(monkeypatch, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyfolio import tears, utils

    def draw(*_, **__):
        utils.display("<table><tr><td>1</td></tr></table>")

    def fail(*_, **__):
        raise ValueError("no such thing")

    for name in ("returns", "interesting_times", "position", "round_trip"):
        monkeypatch.setattr(tears, f"create_{name}_tear_sheet", draw)
    monkeypatch.setattr(tears, "create_txn_tear_sheet", fail)
    sheet = tearsheet.pyfolio(make_run(Trader, days=60))
    assert list(sheet.sections) == [name for name in SECTIONS if name != "Transactions"]
    assert sheet.problems == {"Transactions": "ValueError: no such thing"} and sheet.path is None
    assert "Transactions could not be drawn" in caplog.text
