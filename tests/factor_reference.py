"""Every factor once more, for one symbol, in plain pandas from the text of its definition.

Slow and independent of the library: nothing of `ops` is used here. `f(d)` takes one symbol's bars
as Series without gaps, and the benchmark's; raw values as Uqer defines them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

S = pd.Series


def ma(x: S, n: int) -> S:
    return x.rolling(n).mean()


def ema(x: S, n: float = 0, alpha: float | None = None) -> S:
    return x.ewm(alpha=alpha or 2 / (n + 1), adjust=False).mean()


def window(x: S, n: int, function) -> S:
    return x.rolling(n).apply(function, raw=True)


def slope(x: S, n: int) -> S:
    return window(x, n, lambda w: np.polyfit(np.arange(1, n + 1), w, 1)[0])


def where(x: S, condition: S) -> S:
    return x.where(condition, 0.0).where(x.notna())


def rng(d: pd.DataFrame) -> tuple[S, S, S]:
    c1 = d.close.shift()
    low = pd.concat([d.low, c1], axis=1).min(axis=1, skipna=False)
    high = pd.concat([d.high, c1], axis=1).max(axis=1, skipna=False)
    return low, high, high - low


def kdj(d: pd.DataFrame) -> tuple[S, S]:
    low, high = d.low.rolling(9).min(), d.high.rolling(9).max()
    rsv = 100 * (d.close - low) / (high - low)
    k, dd, ks, ds = 50.0, 50.0, [], []
    for value in rsv:
        if not np.isnan(value):
            k = 2 / 3 * k + value / 3
            dd = 2 / 3 * dd + k / 3
        ks.append(k)
        ds.append(dd)
    return S(ks, d.index), S(ds, d.index)


def wilder(x: S, n: int) -> S:
    out = np.full(len(x), np.nan)
    known = np.flatnonzero(x.notna())
    out[known[n - 1]] = x.iloc[known[:n]].mean()
    for i in range(known[n - 1] + 1, len(x)):
        out[i] = ((n - 1) * out[i - 1] + x.iloc[i]) / n
    return S(out, x.index)


def ad(d: pd.DataFrame) -> S:
    place = ((d.close - d.low) - (d.high - d.close)) / (d.high - d.low)
    place = place.where(d.high != d.low, d.close.pct_change())
    return (place * d.volume).fillna(0).cumsum() / 1e6


def dm(d: pd.DataFrame) -> tuple[S, S]:
    up, down = d.high.diff(), -d.low.diff()
    scale = ema(rng(d)[2], 14)
    plus = ema(where(up, (up > down) & (up > 0)), 14) / scale
    minus = ema(where(down, (down > up) & (down > 0)), 14) / scale
    return plus, minus


def adx(d: pd.DataFrame) -> S:
    plus, minus = dm(d)
    return ema((plus - minus).abs() / (plus + minus), 14)


def ddi(d: pd.DataFrame) -> tuple[S, S]:
    move = pd.concat([d.high.diff().abs(), d.low.diff().abs()], axis=1).max(axis=1, skipna=False)
    level = d.high + d.low
    z = where(move, level > level.shift()).rolling(13).sum()
    f = where(move, level < level.shift()).rolling(13).sum()
    return z / (z + f), f / (z + f)


def swing(d: pd.DataFrame) -> S:
    bars, out = d[["open", "high", "low", "close"]].to_numpy(), [np.nan]
    for i in range(1, len(d)):
        o, h, low, c = bars[i]
        o1, _, l1, c1 = bars[i - 1]
        a, b, e, g = abs(h - c1), abs(low - c1), abs(h - l1), abs(c1 - o1)
        top = max(a, b, e)
        r = a + b / 2 + g / 4 if top == a else b + a / 2 + g / 4 if top == b else e + g / 4
        x = (c - c1) + (c - o) / 2 + (c1 - o1)
        out.append(16 * x / r * max(a, b) if r else np.nan)
    return S(out, d.index)


def stm(d: pd.DataFrame) -> tuple[S, S]:
    o1 = d.open.shift()
    up = pd.concat([d.high - d.open, d.open - o1], axis=1).max(axis=1, skipna=False)
    down = pd.concat([d.open - d.low, o1 - d.open], axis=1).max(axis=1, skipna=False)
    return (where(up, d.open > o1).rolling(23).sum(), where(down, d.open < o1).rolling(23).sum())


def acd(d: pd.DataFrame, n: int) -> S:
    low, high, _ = rng(d)
    c, c1 = d.close, d.close.shift()
    return (where(c - low, c > c1) + where(c - high, c < c1)).rolling(n).sum()


def hurst(d: pd.DataFrame) -> S:
    r = np.log(d.close).diff()

    def one(w: np.ndarray) -> float:
        logs = []
        for m in (5, 10, 20, 40, 80):
            scaled = []
            for piece in w.reshape(-1, m):
                run = np.cumsum(piece - piece.mean())
                scaled.append((run.max() - run.min()) / piece.std())
            logs.append(np.log(np.mean(scaled)))
        return np.polyfit(np.log([5, 10, 20, 40, 80]), logs, 1)[0]

    return window(r, 80, one)


def uos(d: pd.DataFrame) -> S:
    low, _, tr = rng(d)
    a, b, e = ((d.close - low).rolling(n).sum() / tr.rolling(n).sum() for n in (7, 14, 28))
    return 100 * (a * 14 * 28 + b * 7 * 28 + e * 7 * 14) / (7 * 14 + 7 * 28 + 14 * 28)


def rvi(d: pd.DataFrame) -> tuple[S, S]:
    s, move = d.close.rolling(10).std(), d.close.diff()
    return ema(where(s, move > 0), 27), ema(where(s, move < 0), 27)


def signed(d: pd.DataFrame) -> S:
    return np.sign(d.close.diff()) * d.volume


def last(d: pd.DataFrame, n: int, function, least: int) -> S:
    """A statistic of the last n sessions' rows, at the last few sessions only (it is slow)."""
    out = S(np.nan, d.index)
    for i in range(len(d) - 5, len(d)):
        out.iloc[i] = function(d.iloc[max(i - n + 1, 0) : i + 1])
    return out


def fit(y: S, x: pd.DataFrame) -> tuple[np.ndarray, float]:
    table = pd.concat([y.rename("y"), x], axis=1).dropna()
    a = np.column_stack([np.ones(len(table)), table.iloc[:, 1:]])
    b = np.linalg.lstsq(a, table.y, rcond=None)[0]
    rest = table.y - a @ b
    return b, float(rest @ rest / (len(table) - a.shape[1]))


def returns(d: pd.DataFrame) -> tuple[S, S]:
    return d.close.pct_change(), d.benchmark.pct_change()


def down(d: pd.DataFrame, function) -> S:
    table = pd.concat(returns(d), axis=1, keys=["r", "m"])
    return last(table, 250, lambda w: function(w[w.m < 0]), 20)


def hbeta(d: pd.DataFrame, which: int) -> S:
    r, m = returns(d)
    x = pd.concat([m, r.shift(1), r.shift(2), r.shift(3)], axis=1, keys=list("abcd"))

    def one(w: pd.DataFrame) -> float:
        b, variance = fit(r[w.index], w)
        return b[1] if which == 0 else variance

    return last(x, 250, one, 160)


def tobt(d: pd.DataFrame) -> S:
    r, m = (x.abs() for x in returns(d))
    x = pd.concat([d.turnover, *(y.shift(k) for y in (m, r) for k in range(1, 6))], axis=1)
    x.columns = range(11)
    return last(x, 500, lambda w: fit(r[w.index], w)[0][1], 180)


def dvrat(d: pd.DataFrame, t: int = 490, q: int = 10) -> S:
    r = d.close.pct_change().rename("r").to_frame()

    def one(w: pd.DataFrame) -> float:
        sums = w.r.rolling(q).sum().dropna()
        slow = (sums**2).sum() / (q * (t - q + 1) * (1 - q / t))
        return slow / ((w.r**2).sum() / (t - 1)) - 1

    return last(r, t, one, t)


def cmra(d: pd.DataFrame) -> S:
    z = pd.concat([np.log(d.close / d.close.shift(21 * k)) for k in range(1, 25)], axis=1)
    return z.max(axis=1) - z.min(axis=1).where(z.notna().all(axis=1))


def years(x: S) -> pd.DataFrame:
    return pd.concat([x.shift(250 * k) for k in range(4, -1, -1)], axis=1, keys=range(5))


def five(x: S) -> S:
    return years(x).sum(axis=1, skipna=False)


def egro(d: pd.DataFrame) -> S:
    y = years(d.market_cap / d.pe)
    return y.apply(
        lambda w: np.polyfit(range(1, 6), w, 1)[0] if w.notna().all() else np.nan, axis=1
    ) / abs(y.mean(axis=1))


def sue(d: pd.DataFrame) -> S:
    y = years(d.market_cap / d.pe)
    past = y[[0, 1, 2, 3]]
    return (y[4] - past.mean(axis=1, skipna=False)) / past.std(axis=1, skipna=False)


def earnmom(d: pd.DataFrame) -> S:
    profit = d.market_cap / d.pe
    sign = np.sign(profit - profit.shift(250))
    return sum(sign.shift(63 * k) for k in range(8))


def growth(x: S) -> S:
    return x / x.shift(250) - 1


def index_of(d: pd.DataFrame, fell: bool) -> S:
    v = d.volume.diff()
    return 100 * (1 + d.close.pct_change().where(v < 0 if fell else v > 0, 0)).cumprod()


def tp(d: pd.DataFrame) -> S:
    return (d.high + d.low + d.close) / 3


def mfi(d: pd.DataFrame) -> S:
    flow, move = tp(d) * d.volume, tp(d).diff()
    up = flow.where(move > 0, 0.0).rolling(14).sum()
    return 100 - 100 / (1 + up / flow.where(move < 0, 0.0).rolling(14).sum())


def vr(d: pd.DataFrame) -> S:
    move = d.close.diff()
    up, down_, flat = (
        d.volume.where(c, 0.0).where(move.notna()).rolling(24).sum()
        for c in (move > 0, move < 0, move == 0)
    )
    return (up + flat / 2) / (down_ + flat / 2)


def energy(d: pd.DataFrame, middle: S, n: int) -> S:
    up, lo = (d.high - middle).clip(lower=0), (middle - d.low).clip(lower=0)
    return 100 * up.rolling(n).sum() / lo.rolling(n).sum()


def ar(d: pd.DataFrame) -> S:
    return 100 * (d.high - d.open).rolling(26).sum() / (d.open - d.low).rolling(26).sum()


def diff_(d: pd.DataFrame) -> S:
    return ema(d.close, 12) - ema(d.close, 26)


def vdiff(d: pd.DataFrame) -> S:
    return ema(d.volume, 12) - ema(d.volume, 26)


def mass(d: pd.DataFrame) -> S:
    e = ema(d.high - d.low, 9)
    return (e / ema(e, 9)).rolling(25).sum()


def klinger(d: pd.DataFrame) -> S:
    v = d.volume.where(tp(d).diff() > 0, -d.volume).where(tp(d).diff().notna())
    return ema(ema(v, 34) - ema(v, 55), 6) / 1e6


def emv(d: pd.DataFrame, n: int) -> S:
    return ma(((d.high + d.low) / 2).diff() * (d.high - d.low) / d.volume, n)


def wvad(d: pd.DataFrame) -> S:
    return ((d.close - d.open) / (d.high - d.low) * d.volume).rolling(24).sum() / 1e6


def triple(x: S, n: int) -> tuple[S, S, S]:
    a = ema(x, n)
    b = ema(a, n)
    return a, b, ema(b, n)


def tema(x: S, n: int) -> S:
    a, b, c = triple(x, n)
    return 3 * a - 3 * b + c


def cv(d: pd.DataFrame) -> S:
    e = ema(d.high - d.low, 10)
    return 100 * (e / e.shift(10) - 1)


def bbi(c: S) -> S:
    return (ma(c, 3) + ma(c, 6) + ma(c, 12) + ma(c, 24)) / 4


def cci(d: pd.DataFrame, n: int) -> S:
    x = tp(d)
    return (x - ma(x, n)) / (0.015 * window(x, n, lambda w: np.abs(w - w.mean()).mean()))


def coppock(c: S) -> S:
    x = 100 * (c / c.shift(14) + c / c.shift(11))
    return window(x, 10, lambda w: (w * np.arange(1, 11)).sum() / 55)


def ulcer(c: S, n: int) -> S:
    top = c.rolling(n).max()
    return np.sqrt(ma(((c - top) / top) ** 2, n))


def jdqs(d: pd.DataFrame) -> S:
    fell = d.benchmark < d.benchmark_open
    return (fell & (d.close > d.open)).rolling(20).sum() / fell.rolling(20).sum()


def fifty_two(c: S) -> S:
    return (c - c.rolling(240).min()) / (c.rolling(240).max() - c.rolling(240).min())


def since(x: S, sign: int) -> S:
    return window(sign * x, 26, lambda w: 25 - (len(w) - 1 - np.argmax(w[::-1]))) * 1.0


def cut(moves):
    return moves.clip(-5, 5)


def less_its_mean(x):
    return x - x.rolling(60, min_periods=1).mean()


REFERENCE = {
    **{f"REVS{n}": lambda d, n=n: d.close / d.close.shift(n) for n in (5, 10, 20)},
    **{f"RC{n}": lambda d, n=n: d.close / d.close.shift(n) for n in (12, 24)},
    **{f"RSTR{m}": lambda d, n=n: np.log1p(d.close.pct_change()).rolling(n).sum()
       for m, n in ((12, 250), (24, 500))},
    **{f"BIAS{n}": lambda d, n=n: 100 * (d.close / ma(d.close, n) - 1) for n in (5, 10, 20, 60)},
    **{f"CCI{n}": lambda d, n=n: cci(d, n) for n in (5, 10, 20, 88)},
    **{f"ROC{n}": lambda d, n=n: 100 * (d.close / d.close.shift(n) - 1) for n in (6, 20)},
    "FiftyTwoWeekHigh": lambda d: fifty_two(d.close),
    "SRMI": lambda d: d.close.diff(10) / np.maximum(d.close, d.close.shift(10)),
    "ChandeSU": lambda d: d.close.diff().clip(lower=0).rolling(20).sum(),
    "ChandeSD": lambda d: -d.close.diff().clip(upper=0).rolling(20).sum(),
    "CMO": lambda d: 100 * ma(d.close.diff(), 20) / ma(d.close.diff().abs(), 20),
    "ARC": lambda d: ema(d.close / d.close.shift(50), alpha=1 / 50),
    "CoppockCurve": lambda d: coppock(d.close),
    "AroonUp": lambda d: (26 - since(d.high, 1)) / 26,
    "AroonDown": lambda d: (26 - since(d.low, -1)) / 26,
    "Aroon": lambda d: (since(d.low, -1) - since(d.high, 1)) / 26,
    "DIFF": diff_,
    "DEA": lambda d: ema(diff_(d), 9),
    "MACD": lambda d: 2 * (diff_(d) - ema(diff_(d), 9)),
    "DIZ": lambda d: ddi(d)[0],
    "DIF": lambda d: ddi(d)[1],
    "DDI": lambda d: ddi(d)[0] - ddi(d)[1],
    **{f"MA10RegressCoeff{n}": lambda d, n=n: slope(ma(d.close, 10), n) for n in (6, 12)},
    **{f"PLRC{n}": lambda d, n=n: slope(d.close, n) for n in (6, 12)},
    "APBMA": lambda d: ma((d.close - ma(d.close, 5)).abs(), 5),
    "BBI": lambda d: bbi(d.close),
    "BBIC": lambda d: bbi(d.close) / d.close,
    "MA10Close": lambda d: ma(d.close, 10) / d.close,
    "BullPower": lambda d: d.high - ema(d.close, 13),
    "BearPower": lambda d: d.low - ema(d.close, 13),
    "Elder": lambda d: ((d.high - ema(d.close, 13)) - (d.low - ema(d.close, 13))) / d.close,
    **{f"TRIX{n}": lambda d, n=n: triple(d.close, n)[2].pct_change() for n in (5, 10)},
    "AD": ad,
    "AD6": lambda d: ma(ad(d), 6),
    "AD20": lambda d: ma(ad(d), 20),
    "ChaikinOscillator": lambda d: ema(ad(d), 3) - ema(ad(d), 10),
    "PVT": lambda d: (d.close.pct_change() * d.volume).fillna(0).cumsum() / 1e6,
    **{f"PVT{n}": lambda d, n=n: ma((d.close.pct_change() * d.volume).fillna(0).cumsum() / 1e6, n)
       for n in (6, 12)},
    "EARNMOM": earnmom,
    **{f"MA{n}": lambda d, n=n: ma(d.close, n) for n in (5, 10, 20, 60, 120)},
    **{f"EMA{n}": lambda d, n=n: ema(d.close, n) for n in (5, 10, 12, 20, 26, 60, 120)},
    **{f"TEMA{n}": lambda d, n=n: tema(d.close, n) for n in (5, 10)},
    "BollUp": lambda d: ma(d.close, 20) + 2 * d.close.rolling(20).std(),
    "BollDown": lambda d: ma(d.close, 20) - 2 * d.close.rolling(20).std(),
    "KDJ_K": lambda d: kdj(d)[0],
    "KDJ_D": lambda d: kdj(d)[1],
    "KDJ_J": lambda d: 3 * kdj(d)[0] - 2 * kdj(d)[1],
    "UpRVI": lambda d: rvi(d)[0],
    "DownRVI": lambda d: rvi(d)[1],
    "RVI": lambda d: 100 * rvi(d)[0] / sum(rvi(d)),
    "DBCD": lambda d: ema((100 * (d.close / ma(d.close, 5) - 1)).diff(16), 17),
    "ChaikinVolatility": cv,
    **{f"EMV{n}": lambda d, n=n: emv(d, n) for n in (6, 14)},
    "plusDI": lambda d: dm(d)[0],
    "minusDI": lambda d: dm(d)[1],
    "ADX": adx,
    "ADXR": lambda d: (adx(d) + adx(d).shift(14)) / 2,
    "MTM": lambda d: d.close.diff(10),
    "MTMMA": lambda d: ma(d.close.diff(10), 10),
    "UOS": uos,
    "SwingIndex": swing,
    "ASI": lambda d: swing(d).rolling(6).sum(),
    **{f"Ulcer{n}": lambda d, n=n: ulcer(d.close, n) for n in (5, 10)},
    "Skewness": lambda d: window(
        d.close, 20, lambda w: ((w - w.mean()) ** 3).mean() / ((w - w.mean()) ** 2).mean() ** 1.5
    ),
    "Hurst": hurst,
    "CR20": lambda d: energy(d, tp(d).shift(), 20),
    "MassIndex": mass,
    "MFI": mfi,
    "ILLIQUIDITY": lambda d: ma(d.close.pct_change(), 20) / ma(d.amount, 20) * 1e9,
    "DHILO": lambda d: np.log(d.high / d.low).rolling(60).median(),
    "BackwardADJ": lambda d: d.adjfactor,
    "CMRA": cmra,
    "DVRAT": dvrat,
    "DDNBT": lambda d: down(d, lambda w: np.polyfit(w.m, w.r, 1)[0]),
    "DDNCR": lambda d: down(d, lambda w: w.r.corr(w.m)),
    "DDNSR": lambda d: down(d, lambda w: w.r.std() / w.m.std()),
    "HBETA": lambda d: hbeta(d, 0),
    "HSIGMA": lambda d: hbeta(d, 1),
    "PSY": lambda d: (d.close.diff() > 0).astype(float).rolling(12).mean(),
    "RSI": lambda d: 100 - 100 / (1 + d.close.diff().clip(lower=0).rolling(12).mean()
                                  / -d.close.diff().clip(upper=0).rolling(12).mean()),
    "WVAD": wvad,
    "MAWVAD": lambda d: ma(wvad(d), 6),
    "STM": lambda d: stm(d)[0],
    "SBM": lambda d: stm(d)[1],
    "ADTM": lambda d: (stm(d)[0] - stm(d)[1]) / np.maximum(*stm(d)),
    "ATR6": lambda d: wilder(rng(d)[2], 6),
    "ATR14": lambda d: wilder(rng(d)[2], 14),
    "ACD6": lambda d: acd(d, 6),
    "ACD20": lambda d: acd(d, 20),
    "AR": ar,
    "BR": lambda d: energy(d, d.close.shift(), 26),
    "ARBR": lambda d: ar(d) - energy(d, d.close.shift(), 26),
    "NVI": lambda d: index_of(d, True),
    "PVI": lambda d: index_of(d, False),
    "JDQS20": jdqs,
    **{f"VOL{n}": lambda d, n=n: ma(d.turnover, n) for n in (5, 10, 20, 60, 120, 240)},
    **{f"DAVOL{n}": lambda d, n=n: ma(d.turnover, n) / ma(d.turnover, 120) for n in (5, 10, 20)},
    "Volatility": lambda d: d.turnover.rolling(20).std() / ma(d.turnover, 20),
    **{f"TVMA{n}": lambda d, n=n: ma(d.amount, n) / 1e6 for n in (6, 20)},
    **{f"TVSTD{n}": lambda d, n=n: d.amount.rolling(n).std() / 1e6 for n in (6, 20)},
    "MoneyFlow20": lambda d: (tp(d) * d.volume).rolling(20).sum(),
    **{f"VEMA{n}": lambda d, n=n: ema(d.volume, n) for n in (5, 10, 12, 26)},
    "VDIFF": vdiff,
    "VDEA": lambda d: ema(vdiff(d), 9),
    "VMACD": lambda d: 2 * (vdiff(d) - ema(vdiff(d), 9)),
    "VOSC": lambda d: 100 * (ma(d.volume, 12) - ma(d.volume, 26)) / ma(d.volume, 12),
    "VR": vr,
    **{f"VROC{n}": lambda d, n=n: 100 * (d.volume / d.volume.shift(n) - 1) for n in (6, 12)},
    **{f"VSTD{n}": lambda d, n=n: d.volume.rolling(n).std() for n in (10, 20)},
    "OBV": lambda d: signed(d).fillna(0).cumsum(),
    **{f"OBV{n}": lambda d, n=n: signed(d).rolling(n).sum() for n in (6, 20)},
    "KlingerOscillator": klinger,
    "TOBT": tobt,
    "PE": lambda d: d.pe,
    "PB": lambda d: d.pb,
    "PS": lambda d: d.ps,
    "PCF": lambda d: d.pcf,
    "ETOP": lambda d: 1 / d.pe,
    "ETP5": lambda d: five(d.market_cap / d.pe) / five(d.market_cap),
    "CTOP": lambda d: d.dividend_yield,
    "CTP5": lambda d: five(d.dividend_yield * d.market_cap) / five(d.market_cap),
    "LCAP": lambda d: np.log(d.market_cap),
    "LFLO": lambda d: np.log(d.float_cap),
    "CashRateOfSales": lambda d: d.ps / d.pcf,
    "NetProfitRatio": lambda d: d.ps / d.pe,
    "NPToTOR": lambda d: d.ps / d.pe,
    "ROE": lambda d: d.pb / d.pe,
    "ROE5": lambda d: five(d.market_cap / d.pe) / five(d.market_cap / d.pb),
    "EPS": lambda d: d.close / d.adjfactor / d.pe,
    "NPParentCompanyGrowRate": lambda d: growth(d.market_cap / d.pe),
    "NetProfitGrowRate": lambda d: growth(d.market_cap / d.pe),
    "NetAssetGrowRate": lambda d: growth(d.market_cap / d.pb),
    "OperatingRevenueGrowRate": lambda d: growth(d.market_cap / d.ps),
    "OperCashGrowRate": lambda d: growth(d.market_cap / d.pcf),
    "EGRO": egro,
    "SUE": sue,
    "LineClose": lambda d: cut(np.log(d.close).diff() / 0.025),
    "LineOpen": lambda d: cut(np.log(d.open / d.close.shift()) / 0.0125),
    "LineHigh": lambda d: cut(np.log(d.high / d.close) / 0.02),
    "LineLow": lambda d: cut(np.log(d.low / d.close) / 0.02),
    "LineAverage": lambda d: cut(less_its_mean(np.log(d.amount / d.volume / d.close)) / 0.01),
    "LineVolume": lambda d: cut(less_its_mean(np.log(d.volume))),
}  # fmt: skip
