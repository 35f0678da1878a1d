"""The page and the files of a run, from runs with and without a model."""

import base64
import hashlib
import json
import pickle
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import jinja2
import numpy as np
import pandas as pd
import pytest

from attngru_bt import Bars, Market, tearsheet
from attngru_bt.analyzers import MaxDrawdown, Performance
from attngru_bt.evaluation import quality as evaluation
from attngru_bt.feeds.engine import bt
from attngru_bt.models.names import title_of
from attngru_bt.reports import heat, html, portfolio_charts, tables
from attngru_bt.reports.charts import at_equal_volatility
from attngru_bt.reports.collect import collect
from attngru_bt.reports.files import equity
from attngru_bt.reports.metrics import MEANINGS, cards, metrics_table, order_note
from attngru_bt.reports.model_charts import attention_table, explained_variance_by_component
from attngru_bt.reports.plain import plain
from attngru_bt.trading.trade_log import EVENTS

NASTY = "<b>&\"'</b>$\\frac$"  # neither HTML nor a formula


@dataclass
class Record:
    """Has the fields of signals.MonthRecord."""

    month_end: pd.Timestamp
    scores: pd.Series
    n_rows: int = 100
    n_months: int = 20
    refit: bool = True
    fit_seconds: float = 1.0
    score_seconds: float = 0.1
    explained_variance: np.ndarray | None = None
    attention: dict | None = None
    losses: list = field(default_factory=list)
    factors: tuple = ("BIAS5", "RSI")
    dropped: dict = field(default_factory=dict)


class FakeSignal:
    topk = 2

    def __init__(self, months, assets, rich=True):
        rng = np.random.default_rng(0)
        self.records_ = [Record(months[0], pd.Series(dtype=float))]
        for i, month in enumerate(months):
            self.records_.append(
                Record(
                    month,
                    pd.Series(rng.random(len(assets)), index=assets),
                    explained_variance=np.array([0.5, 0.3, 0.1])[: 3 - (i == 1)] if rich else None,
                    attention={"factor": np.array([0.2, 0.3, 0.5]), "temporal": np.full(4, 0.25)}
                    if rich
                    else None,
                    losses=[[{"loss": 0.9, "val_loss": 1.1}, {"loss": 0.5, "val_loss": 0.8}]],
                )
            )
        self.returns = rng.normal(0, 0.05, (len(months), len(assets)))

    def get_params(self, deep=True):
        return {"lookback": 20, "classifier": NASTY, "topk": 2}

    def labels(self):
        parts = {}
        for record, forward in zip(self.records_[1:], self.returns, strict=True):
            rank = pd.Series(forward).rank(ascending=False).to_numpy()
            parts[record.month_end] = pd.DataFrame(
                {
                    "score": record.scores,
                    "label": (rank <= 2).astype(float),
                    "forward_return": forward,
                }
            )
        last = list(parts)[-1]
        parts[last] = parts[last].assign(label=np.nan, forward_return=np.nan)
        return pd.concat(parts, names=["month_end", "asset"])


class Trader(bt.Strategy):
    params = (("every", 15), ("names", (NASTY, "S1")), ("nothing", np.nan))

    def next(self):
        if len(self) % self.p.every == 0:
            for i, data in enumerate(self.datas[:-1]):
                if self.getposition(data).size:
                    self.close(data)
                elif (len(self) // self.p.every + i) % 3 == 0:
                    self.buy(data, size=200)


class ModelTrader(Trader):
    rich = True

    def start(self):
        rows = [("2020-01-22", "S1", "order", "buy", 5.0), ("2020-01-23", "S1", "skipped", "", 0.0)]
        frame = pd.DataFrame(rows, columns=["date", "asset", "event", "side", "size"])
        frame["date"] = pd.to_datetime(frame["date"])
        self.trade_log = SimpleNamespace(frame=lambda: frame)
        months = pd.date_range("2020-01-31", periods=13, freq="ME")
        self.signal = FakeSignal(months, ["S0", "S1", "S2", NASTY], rich=self.rich)


NAMES = ("S0", "S1", "S2", NASTY)


def sessions(days):
    return pd.bdate_range("2020-01-01", periods=days)


def closes(rng, days):
    return 100 * np.cumprod(1 + rng.normal(0.0003, 0.015, days))


def make_market(days=280):
    rng = np.random.default_rng(4)
    close = np.column_stack([closes(rng, days) for _ in NAMES])
    lines = {"close": close, "amount": close * 1e6, "sector": np.ones_like(close)}
    return Market(Bars(sessions(days), NAMES, lines), None, None, "made")


MARKET = make_market()


def make_run(strategy=ModelTrader, days=280, analyzers=True, commission=0.001, **params):
    rng, index = np.random.default_rng(4), sessions(days)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(commission)
    for name in (*NAMES, "INDEX"):
        close = closes(rng, days)
        frame = pd.DataFrame(
            {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}, index=index
        )
        cerebro.adddata(bt.feeds.PandasData(dataname=frame.assign(volume=1e6)), name=name)
    cerebro.addstrategy(strategy)
    if analyzers:
        cerebro.addanalyzer(MaxDrawdown)
        cerebro.addanalyzer(Performance, **{"benchmark": "INDEX", **params})
    return cerebro.run()[0]


@pytest.fixture(scope="module")
def ran():
    return make_run()


@pytest.fixture(scope="module")
def folder(ran, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "new" / "folder"
    paths = tearsheet.write_run(
        ran,
        folder,
        baseline=make_run(Trader),
        baseline_name="Other",
        market=MARKET,
        run={"digest": "abc", "x": 1},
    )
    assert paths[0].name == "tearsheet.html"
    assert sorted(paths) == sorted(folder.iterdir())
    return folder


class Page(HTMLParser):
    """Tags, texts, addresses, and the titles of the charts of a page."""

    def __init__(self, path):
        super().__init__()
        self.open, self.texts, self.addresses, self.charts = [], [], [], []
        self.feed(Path(path).read_text(encoding="utf-8"))
        self.text = " ".join(self.texts)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "input", "br", "img"):
            self.open.append(tag)
        found = dict(attributes)
        self.addresses += [found[key] for key in ("src", "href") if key in found]

    def handle_startendtag(self, tag, attributes):
        assert tag == "path"  # of an SVG

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-2:] == ["figure", "h3"]:
            self.charts.append(text)
        if not self.open or self.open[-1] not in ("style", "script"):
            self.texts.append(text)


class TestPage:
    @pytest.mark.slow
    def test_it_is_well_formed_and_loads_nothing(self, folder):
        page = Page(folder / "tearsheet.html")
        assert not page.open and not page.addresses
        source = (folder / "tearsheet.html").read_text()
        assert "://" not in source and "url(" not in source and "<img" not in source
        assert len(source) < 2_500_000

    def test_a_browser_may_load_nothing_and_run_only_its_own_script(self, folder):
        source = (folder / "tearsheet.html").read_text()
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', source)
        rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["img-src"] == "data:" and rules["style-src"] == "'unsafe-inline'"
        assert len(rules) == 6
        (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert rules["script-src"] == f"'sha256-{digest}'"
        assert source.index("Content-Security-Policy") < source.index("<style>")
        assert not re.search(r"<(link|iframe|object|embed|form)|<script\s|\son\w+=", source)

    def test_every_section_is_there(self, folder):
        page = Page(folder / "tearsheet.html")
        assert page.charts == [
            "Cumulative return",
            "Drawdown",
            "Rank IC per month",
            "Return of the next month by score",
            "Growth by score",
            "Rank IC by months ahead",
            "How much the scores change",
            "Which stocks the scores prefer",
            "Precision@2 per month",
            "Return per year",
            "Months by return",
            "Over a rolling year",
            "Against the index",
            "Before and after commission",
            "Turnover",
            "Contribution by name",
            "Weights over time",
            "Loss by epoch (in-sample)",
            "Explained variance (in-sample)",
            "Attention per component",
        ]
        for text in ("What the scores are worth", "Rank IC beyond the exposures", "Exposures of",
                     "Worst months of the index", "Deepest losses", "Capacity",
                     "Return per year", "Return per month", "Last picks", "Months ahead of",
                     "It chooses next to nothing"):  # fmt: skip
            assert text in page.text, text
        for text in ("Sharpe ratio", "Information ratio", "index (benchmark)", "Other (baseline)",
                     "Trade log", "lookback", "digest", "skipped"):  # fmt: skip
            assert text in page.text

    def test_it_says_what_is_out_of_sample_and_when(self, folder, ran):
        page = Page(folder / "tearsheet.html")
        result = ran.analyzers.performance.get_analysis()
        assert f"Out-of-sample, {result['start']:%Y-%m-%d} to {result['end']:%Y-%m-%d}" in page.text
        assert "Training loss (in-sample) 0.5000" in page.text
        assert "Months scored 13" in page.text  # not the month before the first fit
        assert "Explained variance (in-sample)" in page.text

    def test_what_is_tall_stands_alone(self, folder):
        """Beside twenty names, a trade log of two lines would leave half a page empty."""
        source = (folder / "tearsheet.html").read_text()
        assert '<figure class="all">\n<h3>Contribution by name</h3>' in source
        assert source.index("<h3>Trade log</h3>") < source.index("<h3>Turnover</h3>")

    def test_figures_are_percentages_of_the_analysis(self, folder, ran):
        page = Page(folder / "tearsheet.html")
        result = ran.analyzers.performance.get_analysis()
        shown = f"{100 * result['annual_return']:.1f}%".replace("-", "\u2212")
        market = f"{100 * result['benchmark']['annual_return']:.1f}%".replace("-", "\u2212")
        assert re.search(f"Annualized return {shown} .*?{market}", page.text)

    @pytest.mark.slow
    def test_equal_weight_has_no_empty_cell(self, ran):
        sheet = collect(ran, baseline=make_run(Trader), baseline_name="equal weight")
        own, other, _ = zip(*(r.cells for r in metrics_table(sheet).rows if r.cells), strict=True)
        assert not [
            a.text for a, b in zip(own, other, strict=True) if (a.text == "–") != (b.text == "–")
        ]
        for card in cards(sheet):
            assert card.name == "Rank IC" or card.others[0][0] == "equal weight", card

    @pytest.mark.slow
    def test_a_strategy_is_called_by_its_model(self, ran):
        assert collect(ran).name == "ModelTrader" and collect(ran, name="Mine").name == "Mine"
        walk = SimpleNamespace(records=ran.signal.records_, labels=ran.signal.labels, model="ridge")
        sheet = collect(SimpleNamespace(analyzers=ran.analyzers, signal=walk))
        assert sheet.name == title_of("ridge") != "ridge"

    def test_names_are_escaped(self, folder):
        source = (folder / "tearsheet.html").read_text()
        assert NASTY not in source and "&lt;b&gt;&amp;" in source

    def test_no_curve_leaves_its_box(self, folder):
        source = (folder / "tearsheet.html").read_text()
        for path in re.findall(r'<path class="line [^>]* d="([^"]*)"', source):
            for part in path.split("M")[1:]:
                numbers = [int(n) for n in re.findall(r"-?\d+", part)]
                if "v" not in part and "h" not in part:
                    x, y = np.cumsum(numbers[::2]), np.cumsum(numbers[1::2])
                    assert 0 <= x.min() and x.max() <= 10_000 and 0 <= y.min() and y.max() <= 4_000

    @pytest.mark.slow
    def test_a_chart_that_fails_loses_only_itself(self, ran, tmp_path, monkeypatch, caplog):
        def fail(figures):
            raise ValueError("no such\nglyph")

        monkeypatch.setattr(portfolio_charts, "turnover", fail)
        paths = tearsheet.write_run(ran, tmp_path)
        assert sorted(paths) == sorted(tmp_path.iterdir()) and len(paths) == 8
        page = Page(tmp_path / "tearsheet.html")
        assert "'Turnover' could not be drawn (ValueError: no such glyph)." in page.text
        assert "Weights over time" in page.charts
        assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1
        assert "'Turnover' could not be drawn" in caplog.text

    @pytest.mark.slow
    def test_tables_are_written_before_anything_is_drawn(self, ran, tmp_path, monkeypatch):
        def fail(sheet, title):
            raise RuntimeError("drawing")

        monkeypatch.setattr("attngru_bt.reports.files.render", fail)
        with pytest.raises(RuntimeError, match="drawing"):
            tearsheet.write_run(ran, tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {
            "metrics.json", "equity.csv", "scores.csv", "orders.csv", "positions.csv",
            "attention.csv", "run.json",
        }  # fmt: skip

    def test_what_a_template_lacks_is_an_error_and_what_it_shows_is_escaped(self):
        with pytest.raises(jinja2.UndefinedError, match="'sheet' is undefined"):
            html.fill("tearsheet.html", "Title")
        page = html.fill("base.html", "<i>&</i>")
        assert page.count("&lt;i&gt;&amp;&lt;/i&gt;") == 2 and "<i>" not in page

    def test_backticks_set_code_in_sentences(self):
        assert html.marked("pass `a<b` to x") == "pass <code>a&lt;b</code> to x"

    @pytest.mark.slow
    def test_the_title_can_be_given(self, ran, tmp_path):
        path = tearsheet.save(ran, tmp_path / "page.html", title="Q&A")
        assert "<title>Q&amp;A</title>" in path.read_text()


@pytest.mark.slow
class TestLessToShow:
    def test_a_plain_strategy_says_what_is_left_out_and_why(self, tmp_path):
        page = Page(tearsheet.save(make_run(Trader, benchmark=None), tmp_path / "page.html"))
        assert "Precision@10 per month" not in page.charts and "Cumulative return" in page.charts
        assert "Out-of-sample," not in page.text
        assert "depends on how the strategy's decisions were made" in page.text
        for text in ("Benchmark: none was given", "Model: the strategy has no signal generator",
                     "Orders: the strategy keeps no trade log"):  # fmt: skip
            assert text in page.text
        assert "Against the benchmark" not in page.text

    def test_without_costs_nothing_is_shown_before_and_after_them(self, tmp_path):
        page = Page(tearsheet.save(make_run(Trader, commission=0.0), tmp_path / "page.html"))
        assert "Before and after commission" not in page.charts and "Turnover" in page.charts
        assert "If trading had cost more" not in page.text

    def test_a_model_without_components_or_attention(self, tmp_path):
        class Poor(ModelTrader):
            rich = False

        page = Page(tearsheet.save(make_run(Poor), tmp_path / "page.html"))
        assert (
            "Precision@2 per month" in page.charts and "Attention per component" not in page.charts
        )
        assert "no principal components" in page.text and "no attention weights" in page.text

    def test_a_few_days_make_a_short_page(self, tmp_path):
        run = make_run(Trader, days=8)
        page = Page(tearsheet.save(run, tmp_path / "page.html"))
        assert page.charts == ["Cumulative return", "Drawdown", "Return per year"]
        assert "need more than 272 sessions; the run has 8" in page.text
        assert "nothing was bought or sold" in page.text
        for path in tearsheet.write_run(run, tmp_path / "run"):
            assert path.stat().st_size

    def test_one_day_is_an_error(self, tmp_path):
        with pytest.raises(ValueError, match="at least 2 measured sessions; this run has 1"):
            tearsheet.save(make_run(Trader, days=1), tmp_path / "page.html")
        assert not list(tmp_path.iterdir())

    def test_no_scored_month_has_ended(self, ran, tmp_path):
        early = SimpleNamespace(
            analyzers=ran.analyzers,
            signal=FakeSignal(ran.signal.labels().index.levels[0][:1], list("AB")),
        )
        page = Page(tearsheet.save(early, tmp_path / "page.html"))
        assert "no scored month has ended yet" in page.text

    @pytest.mark.slow
    def test_one_stock_has_no_rank_ic(self, ran, tmp_path, caplog):
        alone = SimpleNamespace(
            analyzers=ran.analyzers, signal=FakeSignal(ran.signal.labels().index.levels[0], ["S0"])
        )
        page = Page(tearsheet.save(alone, tmp_path / "page.html"))
        assert "Rank IC per month" not in page.charts and "could not be drawn" not in caplog.text
        assert "no month ranks two stocks whose outcome is known" in page.text

    def test_a_finished_walk_is_as_good_as_a_generator(self, ran):
        walk = SimpleNamespace(records=ran.signal.records_, labels=ran.signal.labels)
        sheet = collect(SimpleNamespace(analyzers=ran.analyzers, signal=walk))
        assert sheet.evidence == "out-of-sample" and len(sheet.records) == 13

    def test_a_benchmark_can_be_given_late(self, ran, tmp_path):
        index = ran.analyzers.performance.returns.index
        closes = pd.Series(np.linspace(10, 11, len(index)), index=index, name="Line")
        run = make_run(Trader, benchmark=None)
        page = Page(tearsheet.save(run, tmp_path / "page.html", benchmark=closes))
        assert "Line (benchmark)" in page.text and "Information ratio" in page.text

    def test_results_of_optstrategy_will_do(self, ran, tmp_path):
        performance = make_run(Trader).analyzers.performance
        performance.strategy = performance._parent = None
        for name in [n for n in vars(performance) if n.startswith("data")]:
            setattr(performance, name, None)
        result = bt.OptReturn(ran.p, analyzers=[pickle.loads(pickle.dumps(performance))])
        result.strategycls = Trader
        page = Page(tearsheet.save(result, tmp_path / "page.html"))
        assert "Trader" in page.text


class TestErrors:
    @pytest.mark.slow
    def test_without_performance_it_says_which_line_to_add(self, tmp_path):
        with pytest.raises(ValueError, match=r"cerebro.addanalyzer\(attngru_bt.Performance"):
            tearsheet.save(make_run(Trader, analyzers=False), tmp_path / "page.html")

    def test_a_list_is_refused(self, ran, tmp_path):
        with pytest.raises(TypeError, match=r"cerebro.run\(\)\[0\]"):
            tearsheet.save([ran], tmp_path / "page.html")

    def test_something_else_is_refused(self, tmp_path):
        with pytest.raises(TypeError, match="got DataFrame"):
            tearsheet.save(pd.DataFrame(), tmp_path / "page.html")

    def test_a_feed_name_is_refused(self, ran, tmp_path):
        with pytest.raises(TypeError, match="must be a Series of closes; got 'INDEX'"):
            tearsheet.save(ran, tmp_path / "page.html", benchmark="INDEX")

    @pytest.mark.slow
    def test_a_missing_folder_is_made(self, ran, tmp_path):
        assert tearsheet.save(ran, tmp_path / "no" / "page.html").exists()


class TestFiles:
    @pytest.mark.slow
    def test_the_same_run_gives_the_same_bytes(self, folder, tmp_path):
        again = tearsheet.write_run(
            make_run(), tmp_path, baseline=make_run(Trader), baseline_name="Other", market=MARKET,
            run={"digest": "abc", "x": 1},
        )  # fmt: skip
        for path in again:
            assert path.read_text() == (folder / path.name).read_text(), path.name

    def test_metrics(self, folder, ran):
        found = json.loads((folder / "metrics.json").read_text())
        result = ran.analyzers.performance.get_analysis()
        assert list(found) == [
            "evidence",
            "strategy",
            "benchmark",
            "baseline",
            "signal",
            "in_sample",
        ]
        assert found["evidence"] == "out-of-sample"
        assert found["strategy"]["sharpe"] == result["sharpe"]
        assert found["strategy"]["start"] == "2020-01-01"
        assert found["benchmark"]["annual_return"] == result["benchmark"]["annual_return"]
        assert found["baseline"]["name"] == "Other"
        assert found["baseline"]["annual_return"] == result["annual_return"]  # the same trades
        expected = evaluation.summary(evaluation.monthly_quality(ran.signal.labels(), 2))
        assert found["signal"]["rank_ic"]["mean"] == expected.loc["rank_ic", "mean"]
        assert found["signal"]["precision"]["k"] == 2 and found["signal"]["auc"]["months"] == 12
        assert found["in_sample"] == pytest.approx({"loss": 0.5, "val_loss": 0.8})

    def test_what_is_not_known_is_null(self, tmp_path):
        tearsheet.write_run(make_run(Trader, days=8), tmp_path)
        found = json.loads((tmp_path / "metrics.json").read_text())
        assert found["strategy"]["hit_rate"] is None and found["strategy"]["sharpe"] is None
        assert found["signal"] is None and found["in_sample"] is None
        assert "NaN" not in (tmp_path / "metrics.json").read_text()

    def test_equity_reproduces_the_returns(self, folder, ran):
        table = pd.read_csv(folder / "equity.csv", index_col="date", parse_dates=True)
        assert list(table.columns) == ["strategy", "benchmark", "baseline"]
        performance = ran.analyzers.performance
        change = table["strategy"].pct_change()
        assert np.abs(change[1:] - performance.returns[1:]).max() < 1e-13
        change = table["benchmark"].pct_change()
        # a feed's first return is not known: the first row is what the second is measured from
        assert table["benchmark"].iloc[0] == performance.base_value
        assert np.abs(change[1:] - performance.benchmark_returns[1:]).max() < 1e-13

    def test_a_benchmark_that_begins_late_has_its_base_on_the_session_before(self, ran):
        closes = pd.Series(np.arange(100.0, 150.0), sessions(280)[100:150], name="Late")
        column = equity(collect(ran, closes)).set_index("date")["benchmark"]
        base = ran.analyzers.performance.base_value
        assert list(column.dropna().index) == list(closes.index)
        assert column.dropna().iloc[0] == base
        expected = closes.pct_change().iloc[1:]
        assert np.abs(column.pct_change(fill_method=None).dropna() - expected).max() < 1e-13

    @pytest.mark.slow
    def test_equity_begins_at_the_close_before_the_first_return(self, tmp_path):
        run = make_run(Trader, start="2020-06-01")
        tearsheet.write_run(run, tmp_path)
        table = pd.read_csv(tmp_path / "equity.csv", index_col="date", parse_dates=True)
        performance = run.analyzers.performance
        assert table.index[0] == pd.Timestamp("2020-05-29")
        assert table["strategy"].iloc[0] == table["benchmark"].iloc[0] == performance.base_value
        for name, returns in (
            ("strategy", performance.returns),
            ("benchmark", performance.benchmark_returns),
        ):
            assert np.abs(table[name].pct_change()[1:] - returns).max() < 1e-13

    def test_scores(self, folder, ran):
        table = pd.read_csv(folder / "scores.csv", parse_dates=["month_end"])
        assert list(table.columns) == ["month_end", "symbol", "score", "label"]
        expected = ran.signal.labels().rename_axis(["month_end", "symbol"])
        table = table.set_index(["month_end", "symbol"])
        assert len(table) == len(expected)
        table = table.reindex(expected.index)
        assert (table["score"] == expected["score"]).all()
        assert table["label"].equals(expected["label"])
        assert table["label"].isna().sum() == 4
        assert ",1\n" in (folder / "scores.csv").read_text()  # whole numbers

    def test_positions_and_cash_sum_to_the_account(self, folder, ran):
        table = pd.read_csv(folder / "positions.csv", parse_dates=["date"])
        assert list(table.columns) == ["date", "symbol", "size", "close", "value", "weight"]
        value = table.groupby("date")["value"].sum()
        assert np.abs(value - ran.analyzers.performance.values).max() < 1e-8
        assert table.groupby("date")["weight"].sum().to_numpy() == pytest.approx(1.0)
        held = table[table["symbol"] != "cash"]
        assert np.abs(held["size"] * held["close"] - held["value"]).max() < 1e-8
        assert set(held["symbol"]) == {"S0", "S1", "S2", NASTY}

    def test_orders_are_the_trade_log(self, folder):
        table = pd.read_csv(folder / "orders.csv")
        assert table["event"].tolist() == ["order", "skipped"]
        assert table["symbol"].tolist() == ["S1", "S1"] and table["date"][0] == "2020-01-22"

    @pytest.mark.slow
    def test_without_a_trade_log_orders_are_the_fills(self, tmp_path):
        run = make_run(Trader)
        tearsheet.write_run(run, tmp_path)
        table = pd.read_csv(tmp_path / "orders.csv")
        assert len(table) == run.analyzers.performance.get_analysis()["fills"] > 5
        assert set(table["side"]) == {"buy", "sell"} and (table["size"] > 0).all()
        paid = table["commission"].sum()
        assert paid == pytest.approx(run.analyzers.performance.get_analysis()["costs"])

    def test_run_json_tells_parameters_versions_and_what_was_passed(self, folder):
        found = json.loads((folder / "run.json").read_text())
        assert found["strategy"] == "ModelTrader"
        assert found["parameters"] == {"every": 15, "names": [NASTY, "S1"], "nothing": None}
        assert found["signal"]["class"] == "FakeSignal" and found["signal"]["lookback"] == 20
        assert found["performance"]["benchmark"] == "INDEX"
        assert found["versions"]["backtrader"].startswith("1.9")
        assert (found["digest"], found["x"]) == ("abc", 1)

    @pytest.mark.slow
    def test_a_failed_write_leaves_the_old_file(self, ran, tmp_path, monkeypatch):
        path = tmp_path / "page.html"
        path.write_text("old")
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            tearsheet.save(ran, path)
        assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
        assert path.read_text() == "old"


class TestTables:
    def test_explained_variance_over_the_fits(self, ran):
        table = explained_variance_by_component(collect(ran))
        assert table["mean"].tolist() == pytest.approx([0.5, 0.3, 0.1])
        assert table["cumulative"].tolist() == pytest.approx([0.5, 0.8, 0.9])
        assert len(table) == 3

    def test_attention_per_month(self, ran):
        sheet = collect(ran)
        assert attention_table(sheet, "factor").shape == (13, 3)
        assert attention_table(sheet, "temporal").shape == (13, 4)

    def test_months_outside_the_run_stay_empty_and_those_of_no_year_are_left_out(self):
        values = pd.Series([0.1, -0.3], index=pd.to_datetime(["2020-03-31", "2021-01-29"]))
        table = heat.by_month(values, tables.per_cent, full=0.2)
        assert [row.name for row in table.rows] == ["2020", "2021"]
        assert [column.heading for column in table.columns] == ["Jan", "Mar", "Year"]
        assert [str(c) for c in table.rows[0].cells] == ["", "10.0%", "10.0%"]
        assert table.rows[0].cells[1].tone == 0.5 and table.rows[1].cells[0].tone == -1.0

    def test_a_loss_that_is_not_made_good_is_so_in_both_tables(self, ran):
        sheet = collect(ran)
        sheet.metrics |= {"drawdown_recovery": None}
        shown = {row.name: row.cells[0].text for row in metrics_table(sheet).rows if row.cells}
        assert shown["\u2003recovery"] == "not yet"
        sheet.metrics |= {"drawdown_peak": None}
        shown = {row.name: row.cells[0].text for row in metrics_table(sheet).rows if row.cells}
        assert shown["\u2003recovery"] == tables.DASH


class TestBroadTables:
    """A phone has room for some forty characters; what is broader is shown in blocks."""

    def test_few_columns_are_never_broad(self):
        row = ["Return", *["1,000,000,000,000"] * 3]
        assert not tables.Table.of(["", "a", "b", "c"], [row]).broad
        assert tables.Table.of(["", "a", "b", "c", "d"], [[*row, "1,000,000,000,000"]]).broad

    def test_many_narrow_columns_may_fit(self):
        letters = list("abcdefgh")
        assert not tables.Table.of(["", *letters], [["x", *"12345678"]]).broad
        assert tables.Table.of(["", *letters], [["x", *["-12.34"] * 8]]).broad

    def test_each_cell_of_a_broad_one_knows_its_heading(self):
        parts = html._environment().get_template("parts.html").module
        months = pd.Series(0.1, index=pd.date_range("2020-01-31", periods=12, freq="ME"))
        table = heat.by_month(months, tables.per_cent, full=0.2)
        assert str(parts.table(table)).count('data-label="Mar"') == 1
        assert 'class="stack"' in str(parts.table(table))
        short = tables.Table.of(["", "a"], [["x", "1"]])
        assert "data-label" not in str(parts.table(short))


class TestEvents:
    def test_those_that_occurred_are_explained(self, ran):
        orders = pd.DataFrame({"event": ["order", "stuck", "fill", "stuck"], "side": "sell"})
        note = order_note(SimpleNamespace(orders=orders))
        assert note.startswith("Number of entries. Stuck: to be sold, but not traded")
        assert "Stale" not in note and note.count("Stuck") == 1
        assert order_note(SimpleNamespace(orders=None)) == ""

    def test_every_event_of_the_log_is_an_order_a_fill_or_explained(self):
        assert {*EVENTS} - {*MEANINGS} == {"order", "fill"}


class TestEqualVolatility:
    def test_all_curves_vary_as_the_first_one(self):
        rng = np.random.default_rng(0)
        index = pd.bdate_range("2020-01-01", periods=99)
        returns = [pd.Series(rng.normal(0, s, 99), index) for s in (0.01, 0.03)]
        returns[1].iloc[:9] = np.nan
        flat = pd.Series(0.0, index)
        curves = [(str(i), "ink", r) for i, r in enumerate([*returns, flat])]
        alike = at_equal_volatility(curves)
        assert [name for name, *_ in alike] == ["0", "1"]  # what does not vary is left out
        assert [r.std() for *_, r in alike] == pytest.approx([returns[0].std()] * 2)
        assert alike[1][2].isna().sum() == 9


class TestNumbers:
    def test_units_and_signs(self):
        assert tables.per_cent(-0.0723) == "\u22127.2%" and tables.per_cent(12.3456) == "1,234.6%"
        assert tables.per_cent(-0.0001) == "0.0%" and tables.number(-0.001) == "0.00"
        assert tables.number(np.inf) == "\u221e" and tables.number(-1.005e3) == "\u22121,005.00"
        assert tables.whole(1234567.8) == "1,234,568" and tables.whole(-0.2) == "0"
        assert tables.date(pd.Timestamp("2020-03-01")) == "2020-03-01"

    def test_what_is_not_known_is_a_dash(self):
        for show in (tables.per_cent, tables.number, tables.whole):
            assert show(np.nan) == show(None) == tables.DASH
        assert tables.date(None) == tables.DASH


class TestPlain:
    def test_values(self):
        assert plain({"a": np.float64("nan"), 1: np.int64(3), "b": (np.inf, True, None)}) == {
            "a": None,
            "1": 3,
            "b": [None, True, None],
        }
        assert plain(pd.Timestamp("2020-01-02")) == "2020-01-02"
        assert plain(pd.Timestamp("2020-01-02 15:00")) == "2020-01-02T15:00:00"
        assert plain(pd.NaT) is None and plain({"y", "x"}) == ["x", "y"]
        assert plain(pd.DataFrame(np.ones((3, 2)))) == "DataFrame of shape (3, 2)"
        assert plain(np.arange(3)) == [0, 1, 2] and plain(np.ones(999)) == "array of shape (999,)"
        assert plain(Path("a/b")) == "a/b" and plain(np.mean) == "numpy.mean"

    def test_money_is_readable_and_other_parameters_are_as_given(self):
        given = {"cash": 1e6, "share": 1.0, "seed": 20200131, "raw": False, "size": 12345.5}
        assert dict(html.settings(given)) == {
            "cash": "1,000,000", "share": "1.0", "seed": "20200131", "raw": "False",
            "size": "12,345.5",
        }  # fmt: skip

    def test_objects_have_no_addresses(self):
        assert plain(object()) == "builtins.object"
        assert plain([FakeSignal.labels]) == ["test_tearsheet.FakeSignal.labels"]
        months = pd.date_range("2020-01-31", periods=1, freq="ME")
        assert plain(FakeSignal(months, ["A"]))["lookback"] == 20
