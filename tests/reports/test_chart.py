"""Charts as vectors: curves can be read back from what is drawn, names are escaped."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.reports.chart import HEIGHT, Chart
from attngru_bt.reports.scales import Dates, Linear, Log, Places


def read_back(path, n, scale):
    """What the page's script does to read values off a curve."""
    values = np.full(n, np.nan)
    for part in path.split("M")[1:]:
        numbers = [int(number) for number in re.findall(r"-?\d+", part)]
        x, y = np.cumsum(numbers[::2]), np.cumsum(numbers[1::2])
        up = 1 - y[: len(x)] / HEIGHT
        at = np.round(x[: len(up)] / 10_000 * n - 0.5).astype(int)
        if scale.kind == "log":
            values[at] = scale.low * (scale.high / scale.low) ** up
        else:
            values[at] = scale.low + up * (scale.high - scale.low)
    return values


def path_of(chart):
    return re.search(r'<path class="line strategy [^>]* d="([^"]*)"', str(chart.html()))[1]


@pytest.mark.slow
@given(st.lists(st.one_of(st.just(float("nan")), st.floats(0.1, 10)), min_size=1, max_size=60))
def test_a_curve_can_be_read_back_with_its_gaps(numbers):
    for scale in (Linear(numbers), Log(numbers)):
        chart = Chart(Places([str(i) for i in range(len(numbers))]), scale)
        found = read_back(path_of(chart.line(numbers, "a", "strategy")), len(numbers), scale)
        assert (np.isnan(found) == np.isnan(numbers)).all()
        known = ~np.isnan(numbers)
        assert found[known] == pytest.approx(np.array(numbers)[known], abs=0.01)


def test_long_curves_take_few_bytes():
    rng = np.random.default_rng(0)
    values = np.cumprod(1 + rng.normal(0, 0.01, 2500))
    chart = Chart(Dates(pd.bdate_range("2010-01-01", periods=2500)), Linear(values))
    path = path_of(chart.line(values, "a", "strategy"))
    assert len(path) < 7 * len(values)
    assert len(str(chart.html())) < 35_000


def test_days_can_be_read_back():
    dates = pd.DatetimeIndex(["2019-12-31", "2020-01-02", "2020-01-06"])
    html = str(Chart(Dates(dates), Linear([1, 2])).line([1, 2, 1], "a").html())
    steps = [int(n) for n in re.search(r'data-days="([^"]*)"', html)[1].split()]
    assert (pd.to_datetime(np.cumsum(steps), unit="D") == dates).all()


def test_names_are_escaped():
    nasty = '<b>&"|'
    chart = Chart(Places([nasty, "b"]), Linear([1, 2])).line([1, 2], nasty).bars([1, 2], nasty)
    html = str(chart.text(0, 1, nasty).html())
    assert "<b>&" not in html and html.count("&lt;b&gt;&amp;&#34;") >= 4


def test_bars_begin_at_zero_whatever_their_sign():
    chart = Chart(Places(["a", "b", "c"]), Linear([-1, 1], tight=True))
    html = str(chart.bars([1, -1, np.nan], "x", ("gain", "loss")).html())
    up, down = re.findall(r'<path class="bar (\w+)"[^>]* d="([^"]*)"', html)
    assert up == ("gain", "M333 2000V0h2667V2000z") and down == (
        "loss",
        "M3667 2000V4000h2667V2000z",
    )
    assert 'data-v="1 -1 "' in html


def test_rows_have_names_at_the_side_and_bars_from_left_to_right():
    chart = Chart(Linear([0, 2], tight=True), Places(["first", "second"]))
    html = str(chart.bars([1, 2], "x", "strategy").html())
    assert html.index(">first</span>") < html.index(">second</span>")
    assert "M0 200H5000v1600H0z" in html and "M0 2200H10000v1600H0z" in html


def test_a_label_at_an_end_stays_within_the_chart():
    html = str(Chart(Places(["lowest", "2", "highest"]), Linear([1, 2])).html())
    below = html[html.index('<div class="below">') :]
    places = re.findall(r'style="left:clamp\(([\d.]+)ch,([\d.]+)%,100% - ([\d.]+)ch\)"', below)
    assert places == [("3", "16.67", "3"), ("0.5", "50.00", "0.5"), ("3.5", "83.33", "3.5")]


def test_beside_short_names_more_labels_have_room_on_a_phone():
    def shown(name):
        html = str(Chart(Linear([-0.28, 0.7], zero=True), Places([name])).html())
        return re.findall(r'<span style="left[^>]*>([^<]*)<', html)

    assert shown("size") == ["\u22120.2", "0.0", "0.2", "0.4", "0.6"]
    assert shown("Attention-GRU on return ranks") == ["0.0", "0.4"]


def test_cells_of_equal_shade_are_one_path():
    table = np.array([[0.0, 1.0, 1.0, np.nan], [0.5, 0.0, 0.0, 1.0]])
    chart = Chart(Places(list("abcd")), Places(["x", "y"])).cells(table, "strategy", 1.0)
    cells = re.findall(
        r'<path class="cell strategy" opacity="([^"]*)" d="([^"]*)"', str(chart.html())
    )
    assert [(shade, d.count("M")) for shade, d in cells] == [("0.5", 1), ("1", 2)]
    assert "M2500 160h5000" in cells[1][1]


def test_what_is_below_zero_is_switched_off_with_its_curve():
    chart = Chart(Places(["a", "b"]), Linear([-1, 1])).bars([1, -1], "x", ("gain", "loss"))
    up, down = re.findall(r'<path class="bar [^>]*>', str(chart.html()))
    assert 'data-name="x"' in up and "data-name" not in down and 'data-of="x"' in down


def test_a_plot_says_what_it_shows_to_readers_who_do_not_see_it():
    chart = Chart(Places(["a", "b"]), Linear([1, 2]), label="Growth of 1").line([1, 2], "x")
    assert 'role="group" aria-label="Growth of 1"' in str(chart.html())
    assert "aria-label" not in str(Chart(Places(["a"]), Linear([1, 2])).html())
