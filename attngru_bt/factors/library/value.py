"""Value and fundamentals: ratios of the valuation lines, and statements implied by them.

A statement figure is implied by market value over its multiple: profit = market cap / PE. The
multiples are those of the bars (`pe`, `pb`, `ps`, `pcf`); with trailing ones (TTM) the factors are
Uqer's. Five-year figures are sampled every 250 bars, today's included.
"""

from __future__ import annotations

import numpy as np

from attngru_bt.factors.decorators import factor, step
from attngru_bt.factors.ops import Array, diff, lag

VALUE, FUNDAMENTAL = "value", "fundamental-other"
YEAR = 250  # bars


def yearly(x: Array) -> Array:
    """Values today, 250, 500, 750 and 1,000 bars ago: (5, bars, assets), the latest first."""
    return np.stack([lag(x, YEAR * k) for k in range(5)])


def five_years(x: Array) -> Array:
    """Sum of the five yearly samples."""
    out = x.copy()
    for k in range(1, 5):
        out += lag(x, YEAR * k)
    return out


@step()
def profit(market_cap: Array, pe: Array) -> Array:
    """Net profit implied by market cap / PE; NaN where PE is 0."""
    return implied(market_cap, pe)


@step()
def equity(market_cap: Array, pb: Array) -> Array:
    """Equity implied by market cap / PB."""
    return implied(market_cap, pb)


def implied(market_cap: Array, multiple: Array) -> Array:
    """Statement figure implied by market cap / multiple; NaN where the multiple is 0."""
    return np.where(multiple == 0, np.nan, market_cap / multiple)


def growth(x: Array) -> Array:
    """Change against 250 bars ago, as a fraction of the value then."""
    return x / lag(x, YEAR) - 1


@factor(VALUE)
def PE(pe: Array) -> Array:
    """Market value / net profit to parent."""
    return pe


@factor(VALUE)
def PB(pb: Array) -> Array:
    """Market value / equity to parent."""
    return pb


@factor(VALUE)
def PS(ps: Array) -> Array:
    """Market value / total operating revenue."""
    return ps


@factor(VALUE)
def PCF(pcf: Array) -> Array:
    """Market value / operating cash flow."""
    return pcf


@factor(VALUE)
def ETOP(pe: Array) -> Array:
    """Net profit / market value: 1 / PE."""
    return 1 / pe


@factor(VALUE, lookback=4 * YEAR + 1)
def ETP5(profit: Array, market_cap: Array) -> Array:
    """Sum of five yearly net profits / sum of the market values of the same days."""
    return five_years(profit) / five_years(market_cap)


@factor(VALUE)
def CTOP(dividend_yield: Array) -> Array:
    """Cash dividend / market value: the dividend yield, whatever the name says."""
    return dividend_yield


@factor(VALUE, lookback=4 * YEAR + 1)
def CTP5(dividend_yield: Array, market_cap: Array) -> Array:
    """Sum of five yearly dividends / sum of the market values of the same days."""
    return five_years(dividend_yield * market_cap) / five_years(market_cap)


@factor(VALUE)
def LCAP(market_cap: Array) -> Array:
    """Log of market value."""
    return np.log(market_cap)


@factor(VALUE)
def LFLO(market_cap: Array, float_cap: Array | None = None) -> Array:
    """Log of float market value; of market value where that is missing."""
    if float_cap is None:
        return np.log(market_cap)
    return np.log(np.where(np.isnan(float_cap), market_cap, float_cap))


@factor(FUNDAMENTAL)
def CashRateOfSales(ps: Array, pcf: Array) -> Array:
    """Operating cash flow / revenue: PS / PCF."""
    return ps / pcf


@factor(FUNDAMENTAL)
def NetProfitRatio(ps: Array, pe: Array) -> Array:
    """Net profit / revenue: PS / PE."""
    return ps / pe


@factor(FUNDAMENTAL, default=False)
def NPToTOR(NetProfitRatio: Array) -> Array:
    """Net profit / total revenue: PS / PE, as NetProfitRatio where only PS is known."""
    return NetProfitRatio


@factor(FUNDAMENTAL)
def ROE(pb: Array, pe: Array) -> Array:
    """Net profit / equity: PB / PE."""
    return pb / pe


@factor(FUNDAMENTAL, lookback=4 * YEAR + 1)
def ROE5(profit: Array, equity: Array) -> Array:
    """Sum of five yearly net profits / sum of the equities of the same days."""
    return five_years(profit) / five_years(equity)


@factor(FUNDAMENTAL, degree=1, default=False)
def EPS(close: Array, adjfactor: Array, pe: Array) -> Array:
    """Earnings per share: unadjusted close / PE; reported basic EPS differs.

    Off by default: free of scale it would be ETOP over the adjustment factor.
    """
    return close / adjfactor / pe


@factor(FUNDAMENTAL, lookback=YEAR + 1)
def NPParentCompanyGrowRate(profit: Array) -> Array:
    """Yearly growth of net profit: over its value 250 bars ago, minus 1."""
    return growth(profit)


@factor(FUNDAMENTAL, default=False)
def NetProfitGrowRate(NPParentCompanyGrowRate: Array) -> Array:
    """Yearly growth of net profit, minority interest ignored: as NPParentCompanyGrowRate."""
    return NPParentCompanyGrowRate


@factor(FUNDAMENTAL, lookback=YEAR + 1)
def NetAssetGrowRate(equity: Array) -> Array:
    """Yearly growth of equity (market cap / PB)."""
    return growth(equity)


@factor(FUNDAMENTAL, lookback=YEAR + 1)
def OperatingRevenueGrowRate(market_cap: Array, ps: Array) -> Array:
    """Yearly growth of revenue (market cap / PS)."""
    return growth(implied(market_cap, ps))


@factor(FUNDAMENTAL, lookback=YEAR + 1)
def OperCashGrowRate(market_cap: Array, pcf: Array) -> Array:
    """Yearly growth of operating cash flow (market cap / PCF)."""
    return growth(implied(market_cap, pcf))


@factor(FUNDAMENTAL, lookback=4 * YEAR + 1)
def EGRO(profit: Array) -> Array:
    """Earnings growth: slope of five yearly profits on time over |their mean|."""
    profits = yearly(profit)
    slope = (2 * profits[0] + profits[1] - profits[3] - 2 * profits[4]) / 10
    return slope / np.abs(profits.mean(axis=0))


@factor(FUNDAMENTAL, lookback=4 * YEAR + 1)
def SUE(profit: Array) -> Array:
    """Surprise: yearly profit less the mean of the four before, over their sample std."""
    profits = yearly(profit)
    return (profits[0] - profits[1:].mean(axis=0)) / profits[1:].std(axis=0, ddof=1)


@factor("momentum", lookback=lambda n, quarter: (n - 1) * quarter + YEAR + 1)
def EARNMOM(profit: Array, n: int = 8, quarter: int = 63) -> Array:
    """Sum over {n} quarters ({quarter} bars each) of the sign of the yearly change of profit."""
    sign = np.sign(diff(profit, YEAR))
    return sum((lag(sign, k * quarter) for k in range(1, n)), start=sign)
