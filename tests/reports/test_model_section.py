"""What the page says of the models behind the scores: members, families, networks, tries."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from compare_walks import walk

from attngru_bt import Bars, Market, backtest, make_market
from attngru_bt.evaluation import permutation_drop
from attngru_bt.reports import files, model_charts
from attngru_bt.reports.candidates import tries_in
from attngru_bt.reports.collect import collect
from attngru_bt.reports.heat import by_month
from attngru_bt.reports.metrics import fit_table, member_rank_ic, member_table
from attngru_bt.reports.page import render
from attngru_bt.reports.scores import ScoreFigures
from attngru_bt.reports.tables import three
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import BlendWalk
from attngru_bt.walkforward.checkpoint import Checkpoints

MEMBERS = ("ridge", "attention-gru-lines")


@pytest.fixture(scope="module")
def market():
    return make_market(12, 620, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def blend(market):
    """A blend whose first member has skill, from `told`, and whose second is an ensemble."""
    rng = np.random.default_rng(0)
    members = {
        name: walk(market, name, skill=skill)
        for name, skill in zip(MEMBERS, (0.5, 0.1), strict=True)
    }
    for name, member in members.items():
        for record in member.records:
            n = len(record.scores)
            if not n:
                continue
            record.n_rows, record.n_months = 100, 9
            noise = rng.random((2, n)).astype(np.float32)
            record.shuffled = {"told" if name == "ridge" else "LineClose": noise}
            if name != "ridge":
                record.losses = [[{"loss": 0.4, "val_loss": None}, {"loss": 0.3, "val_loss": None}]]
                record.by_network = np.array(
                    [record.scores.to_numpy(), rng.random(n)], dtype=np.float32
                )
    made = BlendWalk(members, dict.fromkeys(MEMBERS, 0.5), title="Blend of two", model="blend")
    made.finish()
    return made


@pytest.fixture(scope="module")
def finished(market, blend):
    return backtest.run(market, MonthlyTopK, signal=blend, topk=3)


@pytest.fixture(scope="module")
def sheet(finished, market):
    return collect(finished, market=market, name="Blend of this one, and that one, and more")


@pytest.fixture(scope="module")
def page(sheet):
    return render(sheet)


@pytest.mark.slow
def test_a_blend_is_told_member_by_member(sheet):
    assert [part.share for part in sheet.parts] == [0.5, 0.5]
    table = member_table(sheet)
    headings = [column.heading for column in table.columns]
    assert headings == ["Share", "Rank IC", "t", "t (HAC)", "Its networks by themselves"]
    names = [row.name for row in table.rows]
    assert names == ["Ridge on return ranks", "Attention-GRU on raw lines", "All together"]
    quality = sheet.quality_summary.loc["rank_ic"]
    assert table.rows[2].cells[1].text == three(quality["mean"])
    own, networks = member_rank_ic(sheet.parts[1])
    pd.testing.assert_series_equal(networks[0], own, check_names=False)
    assert table.rows[1].cells[4].text.endswith("(2)") and table.rows[0].cells[4].text == "–"


@pytest.mark.slow
def test_losses_and_fits_say_whose_they_are(sheet, page):
    assert "Loss by epoch (in-sample): Attention-GRU on raw lines" in page
    assert "Loss by epoch (in-sample): Ridge" not in page
    assert "its members have no attention weights over factors" in page
    rows = {row.name: [cell.text for cell in row.cells] for row in fit_table(sheet).rows}
    assert rows["Training rows, last fit"] == ["100", "100"]
    assert rows["Training loss (in-sample)"] == ["–", "0.3000"]


def test_the_worth_of_the_families_is_that_of_the_whole_blend(page, blend):
    assert "Rank IC that is lost without a family of factors" in page
    assert ">told</span>" in page and ">close (raw line)</span>" in page
    drop = permutation_drop(blend).mean()
    assert drop["told"] > 0.2 and drop["told"] > drop["LineClose"]


def test_a_long_name_is_short_in_legends(sheet):
    assert sheet.short_name == "Blend" and sheet.curves[0][0] == "Blend"
    sheet.name, before = "A model of my own with quite a long name", sheet.name
    assert sheet.short_name == "A model of my own with quite a long…"
    sheet.name = before


@pytest.mark.slow
def test_what_was_tried_is_what_the_run_and_its_folder_know(sheet, page, blend, market, tmp_path):
    found = tries_in(sheet, None)
    titles = ("Ridge on return ranks", "Attention-GRU on raw lines")
    assert found.names == ("Blend", *titles) and found.best in ("Blend", titles[0])
    assert 1 <= found.effective <= 3 and found.overfitting < 0.5
    other, short = walk(market, "gbdt"), walk(market, "lasso", first=9)
    for kept, name in ((other, "gbdt"), (short, "short"), (blend.members["ridge"], "ridge")):
        store = Checkpoints(tmp_path / "checkpoints" / name / "seed0")
        for record in kept.records:
            store.save(store.folder / f"{record.month_end:%Y-%m-%d}-00.month", record)
    both = tries_in(sheet, tmp_path)
    # a member is not counted twice, and a model without the same months not at all
    assert len(both.names) == 4 and set(found.names) < set(both.names)
    sheet.tries, before = both, sheet.tries
    told = render(sheet)
    sheet.tries = before
    assert "Tried: 4 models" in told and "Probability of backtest overfitting" in told
    assert "Tried: " not in page


@pytest.mark.slow
def test_other_settings_of_a_model_are_tries_and_other_seeds_are_none(
    sheet, blend, market, tmp_path
):
    """Of twenty settings in one folder the last alone was counted."""
    store = Checkpoints(tmp_path / "checkpoints" / "ridge" / "seed0")
    signal = "<them.Members object at 0x7f00>"
    tried = [
        (blend.members["ridge"], dict(refit="1", universe=signal)),  # the run's own
        (walk(market, "ridge", seed=1), dict(refit="12", universe=signal)),
        (walk(market, "ridge", seed=2), dict(refit="12", universe=signal, random_state="2")),
        (walk(market, "ridge", seed=3), dict(refit="12", universe=signal.replace("7f00", "7fff"))),
        (walk(market, "ridge", seed=4), dict(refit="6", universe=signal)),
    ]
    for number, (kept, settings) in enumerate(tried):
        for record in kept.records:
            path = store.folder / f"{record.month_end:%Y-%m-%d}-{number:02}.month"
            store.save(path, record, {"settings": settings, "data": "", "versions": {}})
    names = tries_in(sheet, tmp_path).names
    own = "Ridge on return ranks"
    others = [f"{own}, other settings", f"{own}, other settings 2"]
    assert [name for name in names if name.startswith(own)] == [own, *others]


@pytest.mark.slow
def test_attention_of_a_blend_says_of_which_model(finished, market, blend):
    for record in blend.members["ridge"].records:
        if len(record.scores):
            record.attention = {"factor": np.array([0.7, 0.3])}
            record.factors = ("PB", "ROC20")
    table = files.attention(collect(finished, market=market))
    for record in blend.members["ridge"].records:
        record.attention, record.factors = None, ()
    assert list(table.columns) == ["month_end", "factor", "family", "share", "model"]
    assert set(table["model"]) == {"Ridge on return ranks"}


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["week", "quarter"])
def test_given_scores_are_measured_where_the_data_are_known(market, unit):
    close = market.bars.frame("close")
    ends = close.index[close.index.to_period(unit[0].upper()).to_series().duplicated("last").eq(0)]
    known = close.loc[ends].pct_change(fill_method=None).shift(-1)
    scores = (known.rank(axis=1) + np.random.default_rng(0).normal(0, 6, known.shape)).iloc[:-1]
    finished = backtest.run(market, MonthlyTopK, signal=scores, topk=3, schedule=unit)
    sheet = collect(finished, market=market)
    assert sheet.evidence == "unlabeled" and not sheet.parts
    assert sheet.quality_summary.loc["rank_ic", "mean"] > 0.2
    page = render(sheet)
    assert f"Rank IC per {unit}" in page and "What the scores are worth" in page
    assert f"Rank IC by {unit}s ahead" in page and "Out-of-sample" not in page
    assert "if they knew nothing of the future" in page or "oo early" in page
    bare = collect(finished)
    assert bare.quality is None and any("pass `market=`" in gap for gap in bare.gaps)


def test_several_values_of_a_month_are_averaged():
    dates = pd.to_datetime(["2020-01-03", "2020-01-10", "2020-02-07"])
    table = by_month(pd.Series([0.1, 0.3, -0.2], dates), three, full=0.3)
    assert [column.heading for column in table.columns] == ["Jan", "Feb", "Year"]
    assert [cell.text for cell in table.rows[0].cells] == ["0.200", "−0.200", "0.000"]


@pytest.mark.slow
def test_groups_are_named_by_who_is_in_them(market, blend):
    """Text of a column became a code of 15 digits, which no reader knows."""
    codes = np.where(np.arange(12) < 6, 3.0, 281474976710655.0)
    lines = {"close": market.bars["close"], "sector": np.tile(codes, (len(market.bars.dates), 1))}
    bars = Bars(market.bars.dates, market.bars.assets, lines)
    grouped = Market(bars, None, None, "grouped")
    finished = backtest.run(grouped, MonthlyTopK, signal=blend.scores(), topk=3)
    table = ScoreFigures(collect(finished, market=grouped)).group_table()
    names = [row.name for row in table.rows]
    assert names == ["3: S000, S001, S002, …", "group 2: S006, S007, S008, …"]
    assert [row.cells[-1].text for row in table.rows] == ["6", "6"]
    named = replace(grouped, bars=replace(bars, group_names={codes[-1]: "Banks"}))
    table = ScoreFigures(collect(finished, market=named)).group_table()
    assert [row.name for row in table.rows] == ["3: S000, S001, S002, …", "Banks"]


def test_even_attention_is_even_where_months_have_other_numbers_of_components():
    weights = (np.full(4, 0.25), np.full(2, 0.5))
    ends = pd.to_datetime(["2020-01-31", "2020-02-28"])
    records = [
        SimpleNamespace(month_end=end, attention={"factor": own})
        for end, own in zip(ends, weights, strict=True)
    ]
    part = SimpleNamespace(records=records)
    assert model_charts.evenness(part, "factor") == pytest.approx((0.375, 0.375, 0.375))
