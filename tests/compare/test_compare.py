"""The comparison: what is measured, on which months, and what it leaves on disk."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from compare_walks import walk
from scipy.stats import ttest_1samp
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, roc_auc_score

from attngru_bt import backtest, compare
from attngru_bt.compare import charts, paper
from attngru_bt.compare.account import Account, by_month, reduced, trade
from attngru_bt.compare.attention import Attention, attention_by_model
from attngru_bt.compare.chance import chosen, month_returns
from attngru_bt.compare.choice import chosen_names, common_months, threshold
from attngru_bt.compare.figures import excess_by_month
from attngru_bt.compare.files import contents
from attngru_bt.compare.markdown import markdown
from attngru_bt.compare.notes import notes_on_choice
from attngru_bt.compare.page import render
from attngru_bt.compare.quality import by_bucket, monthly
from attngru_bt.compare.tables import columns2, table2, table3
from attngru_bt.data import make_market
from attngru_bt.data.bars import DataError
from attngru_bt.evaluation import statistics
from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.tries import judge
from attngru_bt.features.windows import step_names
from attngru_bt.models.names import names as model_names
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import Blend, SignalGenerator
from attngru_bt.walkforward.record import MonthRecord

K = 3
TRADING = {"commission": 0.002, "periods": 242}
FILES = ["compare.html", "table2.csv", "table3.csv", "monthly.csv", "compare.json", "table.md"]


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=300, seed=3, late=1, gaps=1, delisted=0)


@pytest.fixture(scope="module")
def walks(market):
    found = [walk(market, "attention-gru", seed, skill=0.4, attention=True) for seed in range(2)]
    found += [walk(market, "gbdt", seed, skill=1.0) for seed in range(2)]
    found += [walk(market, "logistic", seed, skill=-1.0) for seed in range(2)]
    return [*found, *(walk(market, "random", seed) for seed in range(2))]


@pytest.fixture(scope="module")
def found(market, walks):
    return compare.measure(market, walks, topk=K, trading=TRADING, draws=200)


@pytest.fixture(scope="module")
def alone(market):
    """One model, one seed, no index."""
    bare = replace(market, benchmark=None)
    own = [walk(bare, "gbdt", skill=0.2)]
    return compare.measure(bare, own, topk=K, draws=50, models=["gbdt"])


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "out"
    paths = compare.write(found, folder)
    assert [path.name for path in paths] == FILES
    return folder


class TestQuality:
    @pytest.mark.slow
    def test_out_of_sample_figures_are_those_of_scikit_learn(self, walks):
        own = walks[0]
        table = monthly(own.labels(), own.records, K, 0.5)
        labels = own.labels().dropna()
        for month, rows in labels.groupby(level=0):
            say = rows["score"] > 0.5
            assert table.loc[month, "accuracy"] == accuracy_score(rows["label"], say)
            assert table.loc[month, "auc"] == pytest.approx(
                roc_auc_score(rows["label"], rows["score"])
            )
            best = rows["score"].rank(ascending=False) <= K
            assert table.loc[month, "accuracy_at_k"] == accuracy_score(rows["label"], best)

    @pytest.mark.slow
    def test_without_skill_is_what_counting_gives(self, walks):
        own = walks[0]
        table, labels = monthly(own.labels(), [], K), own.labels().dropna()
        n = labels.groupby(level=0).size()
        full = table["assets"] == n
        assert full.sum() > 5
        assert table["all_no"][full].to_numpy() == pytest.approx((1 - K / n[full]).to_numpy())
        want = 1 - 2 * K * (n - K) / n**2
        assert table["random_k"][full].to_numpy() == pytest.approx(want[full].to_numpy())

    @pytest.mark.slow
    def test_a_model_without_a_yes_or_no_has_no_accuracy_of_its_own(self, walks):
        assert monthly(walks[0].labels(), [], K)["accuracy"].isna().all()

    def test_in_sample_figures_come_from_the_records_alone(self, walks):
        table = monthly(walks[0].labels(), walks[0].records, K, 0.5)
        assert (table["in_sample_accuracy"] == 0.97).all()
        assert not (table["accuracy"] == 0.97).any()
        assert table["fit_seconds"].notna().sum() == sum(r.refit for r in walks[0].records)

    def test_returns_by_score(self, walks):
        foresight = by_bucket([walks[2].labels()])
        assert list(foresight.index) == list(range(1, 11))
        known = foresight.dropna()
        assert (known.diff().dropna() > 0).all() and known.iloc[0] < 0 < known.iloc[-1]

    def test_returns_by_score_by_hand(self):
        month = pd.Timestamp("2020-01-31")
        index = pd.MultiIndex.from_product([[month], list("abcd")])
        table = pd.DataFrame(
            {"score": [4.0, 1.0, 1.0, 3.0], "label": 0.0, "forward_return": [0.4, 0.1, 0.3, 0.2]},
            index=index,
        )
        # equal scores b and c share the place between the two
        assert by_bucket([table], 2).tolist() == pytest.approx([-0.05, 0.05])

    @pytest.mark.parametrize(
        ("name", "border"),
        [
            ("logistic", 0.5),
            ("attention-gru", 0.5),
            ("svm", 0.0),
            ("ridge", None),
            ("random", None),
        ],
    )
    def test_where_a_model_says_yes(self, name, border):
        assert threshold(name) == border


class TestMonths:
    def test_all_are_measured_on_the_months_that_all_have(self, market):
        late = walk(market, "gbdt", first=6)
        months = common_months([walk(market, "gru"), late], market.bars.dates)
        assert list(months) == list(late.scores().index)

    @pytest.mark.slow
    def test_start_is_the_first_day_to_trade(self, market):
        own = [walk(market, "gbdt")]
        dates = market.bars.dates
        for start in ("2015-08-01", "2015-08-03", "2015-08-14"):
            months = common_months(own, dates, start)
            assert months[0] == pd.Timestamp("2015-07-31" if start < "2015-08-04" else "2015-08-31")
        about = compare.measure(market, own, topk=K, start=start, draws=20, models=["gbdt"]).about
        assert about["start"] == pd.Timestamp("2015-09-01") and about["months"] == len(months)

    def test_none_in_common_is_an_error(self, market):
        early = walk(market, "gru", last=5)
        with pytest.raises(DataError, match="share no month-end"):
            common_months([early, walk(market, "gbdt", first=8)], market.bars.dates)
        with pytest.raises(DataError, match="gbdt, seed 0: has no scores"):
            common_months([walk(market, "gbdt", first=99)], market.bars.dates)
        with pytest.raises(ValueError, match="no walks"):
            common_months([], market.bars.dates)


@pytest.mark.slow
class TestAccounts:
    def test_are_those_of_the_backtest(self, market, walks, found):
        scores = walks[2].scores()
        own = backtest.run(
            market,
            MonthlyTopK,
            signal=scores,
            topk=K,
            start=scores.index[0] + pd.Timedelta(days=1),
            **TRADING,
        ).analyzers.performance.get_analysis()
        row = found.runs.loc[("gbdt", 0)]
        for name in ("annual_return", "sharpe", "information_ratio", "max_drawdown", "turnover"):
            assert row[name] == own[name]
        assert own["cost_rate"] > 0 and row["cost_rate"] == own["cost_rate"]

    def test_costs_are_measured(self, market, walks):
        own = trade(market, walks[0].scores(), K, commission=0.003, slippage=0.001)
        assert own.cost == pytest.approx(0.004)

    def test_monthly_returns_compound_to_the_total(self, found):
        own = found.monthly.loc[("gbdt", 0)]
        end = found.growth["gbdt"]
        both = [np.prod(1 + found.monthly.loc[("gbdt", seed), "return"]) for seed in (0, 1)]
        assert np.mean(both) == pytest.approx(end.iloc[-1])
        month, after = own.index[2:4]
        held = found.growth["benchmark"]
        want = held[:after].iloc[-1] / held[:month].iloc[-1] - 1
        assert own.loc[month, "benchmark_return"] == pytest.approx(want)
        index = np.prod(1 + own["benchmark_return"].dropna())
        assert index == pytest.approx(found.growth["benchmark"].iloc[-1])

    def test_month_returns_are_from_fill_to_fill(self, market):
        months = common_months([walk(market, "gbdt")], market.bars.dates)
        everyone = pd.DataFrame(True, index=months, columns=list(market.bars.assets))
        table = month_returns(market, months, everyone)
        dates, opens = market.bars.dates, market.bars.frame("open")
        at = dates.searchsorted(months, side="right")
        name = opens.columns[opens.notna().all()][0]
        want = opens[name].to_numpy()[at[1:]] / opens[name].to_numpy()[at[:-1]] - 1
        assert table[name].to_numpy()[:-1] == pytest.approx(want)
        last = market.bars.frame("close")[name].iloc[-1] / opens[name].to_numpy()[at[-1]] - 1
        assert table[name].iloc[-1] == pytest.approx(last)

    def test_a_suspended_name_keeps_its_last_price(self, market):
        close = market.bars.frame("close").copy()
        opens = market.bars.frame("open").copy()
        name, months = close.columns[0], pd.DatetimeIndex(["2015-06-30", "2015-07-31"])
        for lines in (close, opens):
            lines.loc["2015-07-20":"2015-08-20", name] = np.nan
        lines = {"close": close.to_numpy(), "open": opens.to_numpy()}
        gap = replace(market, bars=replace(market.bars, lines=lines))
        everyone = pd.DataFrame(True, index=months, columns=list(close.columns))
        found = month_returns(gap, months, everyone)[name]
        assert found.iloc[0] == close.loc["2015-07-17", name] / opens.loc["2015-07-01", name] - 1
        assert found.iloc[1] == close[name].iloc[-1] / close.loc["2015-07-17", name] - 1

    def test_ties_are_chosen_as_the_strategy_does(self):
        scores = pd.DataFrame([[1.0, 2.0, 1.0, np.nan]], columns=list("cbad"))
        assert chosen(scores, 2).to_numpy().tolist() == [[False, True, True, False]]


class TestTables:
    @pytest.mark.slow
    def test_rows(self, found):
        assert list(found.table2.index) == ["attention-gru", "gbdt", "logistic", "random"]
        assert list(found.table3.index) == [
            "attention-gru", "gbdt", "logistic", "equal-weight", "random",
        ]  # fmt: skip
        assert found.titles["gbdt"] == "Gradient-boosted trees"

    def test_mean_and_spread_over_seeds(self, found):
        for table, name in ((found.table2, "rank_ic"), (found.table3, "sharpe")):
            runs = found.runs.loc["attention-gru", name]
            assert len(runs) == 2 and runs.iloc[0] != runs.iloc[1]
            assert table.loc["attention-gru", name] == pytest.approx(runs.mean())
            spread = abs(runs.iloc[0] - runs.iloc[1]) / np.sqrt(2)
            assert table.loc["attention-gru", name + "_spread"] == pytest.approx(spread)

    def test_in_sample_and_out_of_sample_never_share_a_column(self, found):
        row = found.table2.loc["gbdt"]
        assert row["accuracy_in_sample"] == pytest.approx(0.97) != row["accuracy"]
        assert row["accuracy_at_k_in_sample"] == pytest.approx(0.91)
        assert np.isnan(found.table2.loc["random", "accuracy_in_sample"])
        for column in columns2(K):
            inside = column.key.endswith("_in_sample")
            assert inside == ("in-sample" in column.group)
            assert inside == ("in-sample" in column.name)

    def test_foresight_is_as_good_as_can_be_and_its_reverse_as_bad(self, found):
        best, worst = found.runs.loc[("gbdt", 0)], found.runs.loc[("logistic", 0)]
        assert best["rank_ic"] == pytest.approx(1) and worst["rank_ic"] == pytest.approx(-1)
        assert (best["auc"], best["precision"], best["accuracy_at_k"]) == (1, 1, 1)
        assert best["chance"] == 1 / 201 and worst["chance"] == 1.0
        assert best["ir_low"] > 0 > worst["ir_high"]
        # the best of three so different ones is expected to be far up itself
        assert best["deflated_sharpe"] > 0.3 > 0.001 > worst["deflated_sharpe"]

    def test_the_simple_account_is_close_to_the_real_one(self, found):
        runs = found.runs.dropna(subset=["simple_return"])
        growth = np.log1p(runs["annual_return"]) - np.log1p(runs["simple_return"])
        assert len(runs) == 8
        # the same to lots and cents, but where a suspended name was passed over
        assert growth.abs().median() < 1e-4
        assert growth.abs().max() < 0.08 < 2 < np.ptp(np.log1p(runs["annual_return"]))

    def test_random_names_are_within_what_random_names_do(self, found):
        runs = found.runs.loc["random"]
        assert runs["chance"].between(0.02, 0.98).all()
        assert (runs["chance_low"] < runs["chance_median"]).all()

    def test_the_interval_is_of_the_measured_returns(self, found):
        row = found.table3.loc["attention-gru"]
        assert row["ir_low"] < row["information_ratio"] < row["ir_high"]

    @pytest.mark.slow
    def test_baselines_are_no_tries_and_more_tries_deflate(self, market, walks, found):
        assert found.about["models"] == found.about["tried"] == 3
        assert found.table3["deflated_sharpe"].notna().tolist() == [True] * 3 + [False] * 2
        own = [w for w in walks if w.seed == 0 and w.model in ("attention-gru", "gbdt")]
        asked = dict(topk=K, draws=20, models=["attention-gru", "gbdt"])
        few, many = (compare.measure(market, own, tried=n, **asked) for n in (None, 99))
        fell = few.table3["deflated_sharpe"] - many.table3["deflated_sharpe"]
        assert (fell > 1e-3).all() and many.about["tried"] == 99
        with pytest.raises(ValueError, match="at least the 2 shown; got 1"):
            compare.measure(market, own, tried=1, **asked)

    def test_the_papers_figures_are_columns_of_their_own(self, found):
        for table in (found.table2, found.table3):
            claims = [name for name in table if name.startswith("paper_")]
            assert claims
            assert table.loc[["gbdt", "random"], claims].isna().all(axis=None)
        assert found.table2.loc["attention-gru", "paper_accuracy"] == 0.9973
        assert found.table3.loc["attention-gru", "paper_sharpe"] == 2.53
        assert paper.PERIOD == "2020-01 to 2021-10"

    def test_attention_is_shared_out(self, found):
        seen = found.attention["attention-gru"]
        assert list(found.attention) == ["attention-gru"]
        assert seen.families.sum(axis=1).to_numpy() == pytest.approx(1.0)
        assert len(seen.families) == found.about["months"]
        assert len(seen.factors) == 10

    @pytest.mark.slow
    def test_order_as_asked_for_and_baselines_last(self, market, walks):
        asked = ["random", "gbdt", "attention-gru"]
        own = [w for w in walks if w.model in asked and w.seed == 0]
        table = compare.measure(market, own, topk=K, draws=20, models=asked).table3
        assert list(table.index) == ["gbdt", "attention-gru", "random"]

    @pytest.mark.slow
    def test_without_an_index_there_is_no_ratio(self, alone):
        row = alone.table3.loc["gbdt"]
        assert np.isnan(row["information_ratio"]) and np.isnan(row["ir_low"])
        assert alone.benchmark is None and "benchmark" not in alone.growth
        assert row["annual_return"] == alone.runs["annual_return"].iloc[0]

    def test_the_benchmark_is_measured_on_the_same_sessions(self, found):
        assert found.benchmark["sessions"] == found.about["sessions"]
        growth = found.growth["benchmark"]
        assert growth.iloc[-1] - 1 == pytest.approx(found.benchmark["total_return"])
        returns = growth.pct_change().dropna()
        assert statistics.volatility(returns, 242) == pytest.approx(
            found.benchmark["volatility"], rel=0.02
        )


class Page(HTMLParser):
    """What a page loads, and the headings of its tables."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.words, self.charts = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loads += [v for k, v in attributes if k in ("src", "href")]
        self.charts += ("class", "chart") in attributes or ("class", "chart rows") in attributes

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.slow
class TestFiles:
    def test_nothing_else_is_left(self, folder):
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)

    def test_again_the_same_bytes(self, market, walks, tmp_path):
        for name in ("first", "second"):
            again = compare.measure(market, walks[:1], topk=K, draws=20, models=["attention-gru"])
            compare.write(again, tmp_path / name)
        for path in (tmp_path / "first").iterdir():
            assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name

    def test_the_page_loads_nothing(self, folder):
        page = Page((folder / "compare.html").read_text())
        assert not page.loads and page.charts == 5

    def test_the_page_says_which_is_which(self, folder):
        text = " ".join(Page((folder / "compare.html").read_text()).words)
        for words in (
            "Accuracy, in-sample",
            "Accuracy, out-of-sample",
            "Accuracy without skill",
            "The paper’s claim",
            "The paper’s claim, 2020-01 to 2021-10",
            "not measured here",
            "Gradient-boosted trees",
            "random 3 do as well",
            "deflated Sharpe",
        ):
            assert words in text, words

    def test_tables_read_back(self, folder, found):
        for name, table in (("table2.csv", found.table2), ("table3.csv", found.table3)):
            read = pd.read_csv(folder / name, index_col="model")
            pd.testing.assert_frame_equal(read, table, check_dtype=False, check_names=False)
        months = pd.read_csv(folder / "monthly.csv", parse_dates=["month_end"])
        assert len(months) == 8 * found.about["months"]
        assert {"model", "seed", "rank_ic", "accuracy", "in_sample_accuracy"} <= set(months)

    def test_json_holds_every_run(self, folder, found):
        def refuse(text):
            raise AssertionError(text)

        kept = json.loads((folder / "compare.json").read_text(), parse_constant=refuse)
        assert len(kept["runs"]) == 9
        assert kept["about"]["evidence"] == "out-of-sample"
        assert kept["runs"][0]["sharpe"] == found.runs["sharpe"].iloc[0]
        assert kept["table2"]["random"]["accuracy_in_sample"] is None
        assert set(kept["paper"]["accuracy"]) == {"rnn", "lstm", "gru", "attention-gru"}
        assert sum(kept["attention"]["attention-gru"]["families"].values()) == pytest.approx(1)

    def test_markdown_is_two_tables(self, folder):
        text = (folder / "table.md").read_text()
        tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
        assert len(tables) == 2
        for table in tables:
            assert len({line.count("|") for line in table.splitlines()}) == 1
        assert "in-sample accuracy" in tables[0] and " ± " in tables[1]
        assert "**Out of sample**, after 0.2% commission" in text

    def test_the_tables_go_into_a_report(self, found, folder, tmp_path):
        report = tmp_path / "results.md"
        place = "<!-- compare {} -->\nstale text\n<!-- /compare -->\n"
        report.write_text("# Results\n" + place.format("a") + "between\n" + place.format("b"))
        compare.insert(found, report, "b")
        once = report.read_text()
        assert once.startswith("# Results\n" + place.format("a") + "between\n<!-- compare b -->\n")
        assert (folder / "table.md").read_text() in once and once.count("stale text") == 1
        compare.insert(found, report, "b")
        assert report.read_text() == once
        with pytest.raises(ValueError, match="no place for the tables of 'c'"):
            compare.insert(found, report, "c")

    def test_almost_even_attention_is_said_to_be_so(self, found):
        seen = found.attention["attention-gru"]
        flat = replace(seen, families=seen.even + 0.001)
        assert "next to nothing" in render(replace(found, attention={"attention-gru": flat}))
        assert charts.departure(flat) == pytest.approx(0.001)
        assert charts.departure(seen) > 0.01 and "next to nothing" not in render(found)
        assert "<h1>&lt;i&gt;</h1>" in render(found, "<i>")

    def test_raw_lines_are_called_as_in_the_tear_sheet(self, found):
        """They were families of factors, whose weights are those of components."""
        even = pd.DataFrame(
            0.5, pd.date_range("2020-01-31", periods=3, freq="ME"), ["LineVolume", "LineClose"]
        )
        shares = even + [0.1, -0.1]
        factors = pd.DataFrame({"share": shares.mean(), "even": even.mean()})
        seen = Attention(shares, even, factors, of_lines=True)
        page = render(replace(found, attention={"attention-gru": seen}))
        assert "Attention per line: Attention-GRU" in page and "Weights of the lines" in page
        assert "LineVolume" not in page and "squared loadings" not in page
        flat = replace(seen, families=even)
        page = render(replace(found, attention={"attention-gru": flat}))
        assert "no line’s share differs by more than 0.0 points" in page

    def test_which_attention_is_of_raw_lines(self, walks):
        months = pd.DatetimeIndex([record.month_end for record in walks[0].records])
        assert not attention_by_model(walks, months)["attention-gru"].of_lines
        names = step_names(["LineVolume", "LineClose"])
        weights = np.arange(1.0, 7.0) / 21
        record = MonthRecord(months[0], pd.Series(dtype=float), attention={"factor": weights})
        record.factors = names
        lines = SimpleNamespace(model="lines", records=[record])
        seen = attention_by_model([lines], months)["lines"]
        assert seen.of_lines and list(seen.families) == ["LineVolume", "LineClose"]
        assert seen.families.iloc[0].to_list() == pytest.approx([9 / 21, 12 / 21])

    def test_one_seed_without_index(self, alone, tmp_path):
        compare.write(alone, tmp_path)
        text = (tmp_path / "table.md").read_text()
        assert "±" not in text and "One seed, so there is no spread" in text
        assert "information ratio |" not in text and "paper’s accuracy" not in text
        page = (tmp_path / "compare.html").read_text()
        assert "Chosen names and random names" in page and "Information ratio, 95%" not in page

    def test_every_line_has_a_cell_per_column(self, found):
        for table in (table2(found), table3(found)):
            assert {len(row.cells) for row in table.rows} == {len(table.columns)}


class TestNames:
    def test_all_text_and_lists(self):
        known = model_names()
        assert chosen_names("all", known) == list(known)
        assert chosen_names("gru, lstm,gru", known) == ["gru", "lstm"]
        assert chosen_names(["ridge"], known) == ["ridge"]

    def test_unknown_ones_are_named(self):
        with pytest.raises(ValueError, match="no model 'attention_gru'; did you mean 'attention-"):
            chosen_names("attention_gru", model_names())
        with pytest.raises(ValueError, match="got none"):
            chosen_names(" , ", model_names())

    def test_equal_weight_alone_has_nothing_to_measure(self, market):
        with pytest.raises(ValueError, match="at least one that makes scores"):
            compare.run(market, "equal-weight")

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            (dict(trading={"commission": 3}), "`commission` must be a fraction"),
            (dict(trading={"riskfree": float("nan")}), "`riskfree` must be an annual rate"),
            (dict(trading={"keep": 1}), "`keep` must be a whole number of at least 4"),
            (dict(trading={"weights": "even"}), "`weights` must be"),
            (dict(trading={"max_per_group": 1}), "the data have no line industry or sector"),
            (dict(draws=0), "`draws` must be a whole number of at least 1"),
            (dict(tried=1), "at least the 2 shown; got 1"),
        ],
    )
    def test_what_is_wrong_is_told_before_anything_is_fitted(self, market, asked, message):
        def fitted(*told):
            raise AssertionError("a model was fitted")

        with pytest.raises(ValueError, match=message):
            compare.run(market, "ridge,gbdt", topk=4, progress=fitted, **asked)

    def test_a_parameter_that_is_none(self, market):
        with pytest.raises(TypeError, match="no parameter `comission`; did you mean 'commission'"):
            compare.run(market, "ridge", trading={"comission": 0.001})

    def test_tables_for_a_file_need_the_name_of_a_folder(self, market, tmp_path):
        with pytest.raises(ValueError, match="`into` has no effect without `folder`"):
            compare.run(market, "ridge", into=tmp_path / "results.md")


class TestOwnModels:
    """A mapping of names to models, as `walk_forward` takes it."""

    settings = dict(topk=K, min_months=5, refit=6, draws=20, factors=["MA5", "RSI", "BIAS5", "PB"])

    @pytest.mark.slow
    def test_blends_and_estimators_beside_names(self, market):
        models = {
            "mine": Ridge(10.0),
            "both": Blend(["ridge", "momentum"], weights=[2, 1]),
            "ridge": "ridge",
            "equal-weight": "equal-weight",
        }
        found = compare.run(market, models, offsets=[5], **self.settings)
        assert list(found.table2.index) == ["mine", "both", "ridge"]
        assert list(found.table3.index) == [*models]
        assert list(found.offsets.index) == [(name, day) for name in models for day in (0, 5)]
        named = compare.run(market, "ridge,momentum", **self.settings)
        pd.testing.assert_series_equal(
            found.table2.loc["ridge", ["rank_ic", "auc"]],
            named.table2.loc["ridge", ["rank_ic", "auc"]],
        )

    @pytest.mark.parametrize("inside", [False, True])
    def test_other_days_are_not_for_a_model_with_a_schedule_of_its_own(self, market, inside):
        """It would have been walked at the month-ends again, and shown as if five sessions on."""
        own = SignalGenerator(Ridge(), **{k: v for k, v in self.settings.items() if k != "draws"})
        models = {"own": Blend(["ridge", own]) if inside else own}
        with pytest.raises(ValueError, match="`offsets` .* own, which decides by 'month'"):
            compare.run(market, models, offsets=[5], **self.settings)

    def test_equal_weight_is_called_so(self, market):
        with pytest.raises(ValueError, match="'equal-weight' scores all stocks alike"):
            compare.run(market, {"ridge": "ridge", "all": "equal-weight"}, **self.settings)


@pytest.mark.slow
def test_the_whole_way(market, tmp_path):
    """Fit, trade, compare, write; a second time nothing is fitted and the files are the same."""
    report = tmp_path / "results.md"
    report.write_text("Before.\n<!-- compare run -->\n<!-- /compare -->\n")
    few = dict(
        topk=K, min_months=5, refit=3, draws=30, lookback=1, n_components=3,
        factors=["MA5", "MA20", "RSI", "BIAS5", "PB"],
    )  # fmt: skip
    asked = "logistic,ridge,equal-weight,random"
    whole = compare.run(market, asked, folder=tmp_path / "run", into=report, **few)
    assert [path.name for path in whole.files] == [
        "compare.html", "table2.csv", "table3.csv", "monthly.csv", "compare.json", "table.md",
        "results.md",
    ]  # fmt: skip
    assert "### How good the scores are" in report.read_text()
    assert (tmp_path / "run" / "walks" / "ridge" / "seed0").is_dir()
    before = {path: path.read_bytes() for path in whole.files}
    assert list(whole.table3.index) == ["logistic", "ridge", "equal-weight", "random"]
    row = whole.table2.loc["logistic"]
    assert 0.5 < row["accuracy_in_sample"] <= 1 and row["total_seconds"] > 0
    assert np.isnan(whole.table2.loc["ridge", "accuracy"])  # a regressor says no yes or no
    assert not np.isnan(whole.table2.loc["ridge", "accuracy_at_k"])
    again = compare.run(market, asked, folder=tmp_path / "run", into=report, **few)
    assert {path: path.read_bytes() for path in again.files} == before
    pd.testing.assert_frame_equal(again.runs, whole.runs)  # seconds too: nothing was fitted again


class TestCurves:
    @pytest.mark.parametrize("family", ["blend", "network", "classic", "own"])
    def test_every_model_has_one_whatever_its_family(self, found, family):
        families = dict.fromkeys(found.families, family)
        drawn = charts.growth(replace(found, families=families))["log"].html()
        for title in (*found.titles.values(), "Index"):
            assert f'data-name="{title}"' in drawn

    def test_a_blend_is_short_and_two_are_told_apart(self, found):
        long = "Blend of ridge on ranks, boosted trees on ranks and another one"
        one = replace(found, titles=found.titles | {"gbdt": long})
        assert 'data-name="Blend"' in charts.growth(one)["log"].html()
        two = replace(one, titles=one.titles | {"logistic": f"{long} more"})
        drawn = charts.growth(two)["log"].html()
        assert f'data-name="{long}"' in drawn and f'data-name="{long} more"' in drawn


class TestExcess:
    """What a model earned above equal weight each month, and the t of it and of the rank IC."""

    @pytest.mark.parametrize("model", ["gbdt", "random"])
    def test_is_that_of_the_months(self, market, found, model):
        own = found.monthly.loc[(model, 1), "return"]
        session = market.bars.dates[market.bars.dates.searchsorted(own.index[0], "right")]
        plain = backtest.equal_weight(market, start=session, **TRADING)
        excess = own - by_month(reduced(plain, 0.0), own.index)["return"]
        run = found.runs.loc[(model, 1)]
        assert run["excess"] == pytest.approx(excess.mean())
        assert run["excess_t"] == pytest.approx(ttest_1samp(excess, 0).statistic)

    def test_equal_weight_has_none_and_without_it_the_index_counts(self, found, alone, market):
        assert found.table3.loc["equal-weight", ["excess", "excess_t"]].isna().all()
        assert alone.table3["excess"].isna().all()  # neither is there
        own = compare.measure(market, [walk(market, "gbdt")], topk=K, draws=5, models=["gbdt"])
        months = own.monthly.loc[("gbdt", 0)]
        ahead = (months["return"] - months["benchmark_return"]).mean()
        assert own.table3.loc["gbdt", "excess"] == pytest.approx(ahead)

    def test_rank_ic_has_both_t(self, found):
        ic = found.monthly.loc[("attention-gru", 0), "rank_ic"]
        run = found.runs.loc[("attention-gru", 0)]
        assert run["rank_ic_t"] == pytest.approx(ttest_1samp(ic, 0).statistic)
        assert run["rank_ic_t_hac"] == pytest.approx(hac_t_statistic(ic)) != run["rank_ic_t"]

    def test_both_are_told(self, found, alone):
        text = markdown(found)
        assert "| above equal weight a month | t of what is above |" in text
        assert "| t of the rank IC | HAC t of the rank IC |" in text
        assert "above equal weight" not in markdown(alone)


class TestChoice:
    def test_few_months_or_one_model_say_nothing(self, found, alone):
        assert len(found.monthly.loc["gbdt", 0]) < 24 and found.tries is None
        assert alone.tries is None and notes_on_choice(alone) == []

    @pytest.mark.slow
    def test_it_is_said_on_the_page_and_in_the_files(self, found):
        rng = np.random.default_rng(0)
        returns = pd.DataFrame(rng.normal(0, 0.02, (40, 3)), columns=["gbdt", "logistic", "x"])
        returns["gbdt"] += 0.02
        chosen_among = replace(found, tries=judge(returns, 12))
        notes = notes_on_choice(chosen_among)
        assert "Tried: 3 models" in notes[0] and "above equal weight" in notes[0]
        assert f"of the best, {found.titles['gbdt']}" in notes[2]
        page = render(chosen_among)
        assert "Is the best one luck?" in page and "Probability of backtest overfitting" in page
        assert "Is the best one luck?" not in render(found)
        assert "Is the best one luck?" in markdown(chosen_among)
        assert contents(chosen_among)["tries"]["best"] == "gbdt"

    def test_excess_is_that_of_the_accounts(self, found, market):
        months = found.monthly.loc[("gbdt", 0)].index
        accounts = {
            ("gbdt", seed): Account(returns, None, {}, 0.0)
            for seed, returns in enumerate([level(0.001, market), level(0.003, market)])
        } | {("equal-weight", 0): Account(level(0.001, market), None, {}, 0.0)}
        table = excess_by_month(accounts, ["gbdt"], months)
        own = by_month(accounts["gbdt", 1], months)["return"]
        plain = by_month(accounts["gbdt", 0], months)["return"]
        np.testing.assert_allclose(table["gbdt"], (own - plain) / 2)


def level(value, market):
    return pd.Series(value, market.bars.dates)
