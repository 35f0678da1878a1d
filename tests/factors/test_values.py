"""Factor values against independent sources: plain pandas, TA-Lib, and hand calculation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib
from factor_market import make_bars
from factor_reference import REFERENCE

from attngru_bt.data.bars import Bars
from attngru_bt.factors import compute, registry


@pytest.fixture(scope="module")
def bars() -> Bars:
    return make_bars(n_days=1130, n_assets=1, seed=5, rough=False)


@pytest.fixture(scope="module")
def table(bars: Bars) -> pd.DataFrame:
    lines = {name: values[:, 0] for name, values in bars.lines.items()}
    return pd.DataFrame(lines | {"benchmark": bars.benchmark}, index=bars.dates)


@pytest.fixture(scope="module")
def library(bars: Bars) -> pd.DataFrame:
    values, names = compute(bars, registry.names(), raw=True)
    return pd.DataFrame(values[:, 0], index=bars.dates, columns=list(names))


@pytest.fixture(scope="module")
def d(table: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: column.to_numpy().copy() for name, column in table.items()}


def test_the_reference_covers_every_factor() -> None:
    assert set(REFERENCE) == set(registry.names())
    assert len(REFERENCE) == 185


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_equals_the_definition_in_plain_pandas(
    name: str, table: pd.DataFrame, library: pd.DataFrame
) -> None:
    want = REFERENCE[name](table)
    both = want.notna() & library[name].notna()
    assert both.sum() >= 5
    assert both.iloc[-1]
    size = want[both].abs().median()
    np.testing.assert_allclose(library[name][both], want[both], rtol=1e-9, atol=1e-9 * size)


class TestAgainstTALib:
    """Wherever TA-Lib has the same definition; after the start where it seeds differently."""

    @pytest.mark.parametrize(
        ("name", "oracle", "start"),
        [
            *((f"MA{n}", lambda d, n=n: talib.SMA(d["close"], n), n) for n in (5, 10, 20, 60, 120)),
            *((f"EMA{n}", lambda d, n=n: talib.EMA(d["close"], n), 14 * (n + 1))
              for n in (5, 10, 12, 20, 26, 60)),
            *((f"VEMA{n}", lambda d, n=n: talib.EMA(d["volume"], n), 14 * (n + 1))
              for n in (5, 10, 12, 26)),
            *((f"TEMA{n}", lambda d, n=n: talib.TEMA(d["close"], n), 40 * (n + 1))
              for n in (5, 10)),
            *((f"ROC{n}", lambda d, n=n: talib.ROC(d["close"], n), n + 1) for n in (6, 20)),
            *((f"RC{n}", lambda d, n=n: talib.ROCR(d["close"], n), n + 1) for n in (12, 24)),
            *((f"VROC{n}", lambda d, n=n: talib.ROC(d["volume"], n), n + 1) for n in (6, 12)),
            *((f"CCI{n}", lambda d, n=n: talib.CCI(d["high"], d["low"], d["close"], n), n)
              for n in (5, 10, 20, 88)),
            *((f"ATR{n}", lambda d, n=n: talib.ATR(d["high"], d["low"], d["close"], n), n + 1)
              for n in (6, 14)),
            *((f"TRIX{n}", lambda d, n=n: talib.TRIX(d["close"], n) / 100, 45 * (n + 1))
              for n in (5, 10)),
            ("MTM", lambda d: talib.MOM(d["close"], 10), 11),
            ("DIFF", lambda d: talib.MACDEXT(d["close"], 12, 1, 26, 1, 9, 1)[0], 400),
            ("DEA", lambda d: talib.MACDEXT(d["close"], 12, 1, 26, 1, 9, 1)[1], 520),
            ("MACD", lambda d: 2 * talib.MACDEXT(d["close"], 12, 1, 26, 1, 9, 1)[2], 520),
            ("BollUp", lambda d: talib.SMA(d["close"], 20)
             + 2 * talib.STDDEV(d["close"], 20) * np.sqrt(20 / 19), 20),
            ("MFI", lambda d: talib.MFI(d["high"], d["low"], d["close"], d["volume"], 14), 15),
            ("UOS", lambda d: talib.ULTOSC(d["high"], d["low"], d["close"], 7, 14, 28), 29),
            ("AroonUp", lambda d: (1 + talib.AROON(d["high"], d["low"], 25)[1] / 4) / 26, 26),
            ("AroonDown", lambda d: (1 + talib.AROON(d["high"], d["low"], 25)[0] / 4) / 26, 26),
            ("AD", lambda d: talib.AD(d["high"], d["low"], d["close"], d["volume"]) / 1e6, 2),
            ("ChaikinOscillator", lambda d: talib.ADOSC(
                d["high"], d["low"], d["close"], d["volume"], 3, 10) / 1e6, 200),
            ("OBV", lambda d: talib.OBV(d["close"], d["volume"]) - d["volume"][0], 2),
            *((f"PLRC{n}", lambda d, n=n: talib.LINEARREG_SLOPE(d["close"], n), n)
              for n in (6, 12)),
            ("KDJ_K", lambda d: _slow(talib.STOCHF(d["high"], d["low"], d["close"], 9, 1)[0]), 100),
        ],
    )  # fmt: skip
    def test_equals_talib(self, name, oracle, start, d, library: pd.DataFrame) -> None:
        got, want = library[name].to_numpy()[start - 1 :], oracle(d)[start - 1 :]
        assert np.isfinite(want).all()
        # TA-Lib's running sums lose digits: 1e-8 of the factor's size
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8 * np.median(np.abs(want)))

    def test_the_traps_are_not_talibs_definitions(self, d, library: pd.DataFrame) -> None:
        rsi, cmo = talib.RSI(d["close"], 12), talib.CMO(d["close"], 20)
        assert np.abs(library.RSI.to_numpy()[100:] - rsi[100:]).max() > 5
        assert np.abs(library.CMO.to_numpy()[100:] - cmo[100:]).max() > 5


def _slow(x: np.ndarray) -> np.ndarray:
    return pd.Series(x).ewm(alpha=1 / 3, adjust=False).mean().to_numpy()


def small(**lines: list[float]) -> Bars:
    """One asset, a few days, numbers one can do in one's head."""
    arrays = {name: np.array(values, dtype=float)[:, None] for name, values in lines.items()}
    n = len(arrays["close"])
    return Bars(pd.bdate_range("2024-01-01", periods=n), ("A",), arrays)


def value(bars: Bars, name: str, raw: bool = True) -> list[float]:
    return list(compute(bars, [name], raw=raw)[0][:, 0, 0])


nan = float("nan")


class TestByHand:
    def test_momentum(self) -> None:
        bars = small(close=[10, 11, 12, 11, 12, 15, 13])
        # BIAS5: mean of 10, 11, 12, 11, 12 = 11.2; of 11, 12, 11, 12, 15 = 12.2; ... 12.6
        np.testing.assert_allclose(
            value(bars, "BIAS5"),
            [nan] * 4 + [100 * (12 / 11.2 - 1), 100 * (15 / 12.2 - 1), 100 * (13 / 12.6 - 1)],
        )
        np.testing.assert_allclose(value(bars, "ROC6"), [nan] * 6 + [30.0], rtol=1e-14)
        np.testing.assert_allclose(value(bars, "REVS5"), [nan] * 5 + [1.5, 13 / 11])
        # slope on 1..6 of 11, 12, 11, 12, 15, 13: sum (k - 3.5) x / 17.5 = 10.0 / 17.5
        x = -2.5 * 11 - 1.5 * 12 - 0.5 * 11 + 0.5 * 12 + 1.5 * 15 + 2.5 * 13
        np.testing.assert_allclose(value(bars, "PLRC6")[-1], x / 17.5)
        np.testing.assert_allclose(value(bars, "PLRC6", raw=False)[-1], x / 17.5 / 13)

    def test_technical(self) -> None:
        bars = small(
            open=[10, 11, 12, 11, 13], high=[12, 13, 14, 12, 15], low=[9, 10, 11, 10, 12],
            close=[11, 12, 12, 10, 14],
        )  # fmt: skip
        np.testing.assert_allclose(value(bars, "MA5"), [nan] * 4 + [11.8])
        np.testing.assert_allclose(value(bars, "MA5", raw=False), [nan] * 4 + [11.8 / 14])
        np.testing.assert_allclose(value(bars, "Elder"), [3 / 11, 3 / 12, 3 / 12, 2 / 10, 3 / 14])
        # EMA5, alpha = 1/3: 11, 11.333, 11.556, 11.037, 12.025
        np.testing.assert_allclose(value(bars, "EMA5")[-1], 12.0246913580)
        # Ulcer5 needs nine bars
        assert np.isnan(value(bars, "Ulcer5")).all()
        # day 2: X = 1 + .5 + 1 = 2.5, A = 2, B = 1, E = 4, D = 1, R = 4 + .25, K = 2
        np.testing.assert_allclose(value(bars, "SwingIndex")[1], 16 * 2.5 / 4.25 * 2)

    def test_trading(self) -> None:
        bars = small(
            close=[10, 11, 11, 9, 10, 12, 12], volume=[100, 200, 300, 400, 500, 600, 700],
            turnover=[1, 2, 3, 4, 5, 6, 7],
        )  # fmt: skip
        np.testing.assert_allclose(value(bars, "VOL5"), [nan] * 4 + [3, 4, 5])
        # +200 + 0 - 400 + 500 + 600 + 0
        np.testing.assert_allclose(value(bars, "OBV6"), [nan] * 6 + [900])
        np.testing.assert_allclose(value(bars, "OBV"), [nan, 200, 200, -200, 300, 900, 900])
        np.testing.assert_allclose(value(bars, "VROC6"), [nan] * 6 + [600.0])
        # VEMA5, alpha 1/3: 100, 133.33, 188.89, 259.26, 339.51
        np.testing.assert_allclose(value(bars, "VEMA5")[4], 339.5061728395)
        np.testing.assert_allclose(value(bars, "VEMA5", raw=False)[4], 339.5061728395 / 300)

    def test_sentiment(self) -> None:
        close = [10, 11, 12, 11, 12, 13, 12, 11, 12, 13, 14, 13, 14]
        bars = small(close=close, high=[c + 1 for c in close], low=[c - 1 for c in close],
                     open=close)  # fmt: skip
        # 12 changes: 8 up, 4 down, all of size 1
        np.testing.assert_allclose(value(bars, "PSY"), [nan] * 12 + [8 / 12])
        np.testing.assert_allclose(value(bars, "RSI"), [nan] * 12 + [100 - 100 / 3])
        # ACD6 at the end, changes -1 +1 +1 +1 -1 +1: up c - min(c - 1, c1) = 1, down c - (c + 1)
        np.testing.assert_allclose(value(bars, "ACD6")[-1], 4 * 1 - 2 * 1)
        # true range is 2 on every bar
        np.testing.assert_allclose(value(bars, "ATR6"), [nan] * 6 + [2.0] * 7)

    def test_value(self) -> None:
        bars = small(
            close=[10, 20, 30], pe=[10, -5, 0], pb=[1, 2, 3], ps=[2, 2, 2], pcf=[4, 0, 8],
            market_cap=[np.e, np.e**2, 1], adjfactor=[1, 2, 2],
        )  # fmt: skip
        np.testing.assert_allclose(value(bars, "ETOP"), [0.1, -0.2, nan])
        np.testing.assert_allclose(value(bars, "ROE"), [0.1, -0.4, nan])
        np.testing.assert_allclose(value(bars, "LCAP"), [1, 2, 0], atol=1e-15)
        np.testing.assert_allclose(value(bars, "LFLO"), [1, 2, 0], atol=1e-15)
        np.testing.assert_allclose(value(bars, "CashRateOfSales"), [0.5, nan, 0.25])
        np.testing.assert_allclose(value(bars, "EPS"), [1, -2, nan])


class TestOddValues:
    def test_zero_over_zero_is_not_known(self) -> None:
        flat = small(close=[10.0] * 40, high=[10.0] * 40, low=[10.0] * 40, open=[10.0] * 40,
                     volume=[100.0] * 40)  # fmt: skip
        for name in ("RSI", "KDJ_K", "CCI20", "MFI", "WVAD", "ADTM", "AR", "CMO", "Skewness"):
            assert np.isnan(value(flat, name)).all(), name

    def test_without_losses_rsi_is_100(self) -> None:
        assert value(small(close=list(range(1, 20))), "RSI")[12:] == [100.0] * 7

    def test_missing_float_cap_counts_as_market_cap(self) -> None:
        bars = small(close=[1, 1], market_cap=[np.e, np.e], float_cap=[1, nan])
        np.testing.assert_allclose(value(bars, "LFLO"), [0, 1], atol=1e-15)

    def test_a_missing_amount_line_is_typical_price_times_volume(self) -> None:
        bars = make_bars(60, 2, rough=False)
        lines = {name: v for name, v in bars.lines.items() if name != "amount"}
        got, _ = compute(Bars(bars.dates, bars.assets, lines), ["TVMA6"], raw=True)
        typical = (bars["high"] + bars["low"] + bars["close"]) / 3 * bars["volume"]
        want = pd.DataFrame(typical).rolling(6).mean().to_numpy() / 1e6
        np.testing.assert_allclose(got[:, :, 0], want)
