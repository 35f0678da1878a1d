"""Leaks planted in random markets, one by one, and clean things that look like them; the audit.

Every leak must be failed by the check that is named beside it, and nothing clean by any.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from attngru_bt import Bars, MonthlyTopK, audit, make_market
from attngru_bt.audit.members import next_month
from attngru_bt.data.membership import Membership
from attngru_bt.factors import factor, registry
from attngru_bt.models.baselines import MomentumScores, RandomScores
from tests import audit_plants
from tests.reliability import plants
from tests.reliability.trials import quiet

FAST = ("columns", "data")  # groups that train and replay nothing


def draw(seed):
    """Draw a market with late listings, suspensions and delistings."""
    rng = np.random.default_rng(seed)
    kept = dict(late=int(rng.integers(0, 3)), gaps=int(rng.integers(0, 4)), delisted=2)
    n_assets, n_days = int(rng.integers(20, 30)), int(rng.integers(400, 520))
    return make_market(n_assets, n_days, seed, float(rng.uniform(0, 0.15)), **kept), rng


def report(market, *checks, **options):
    """Make some checks of the audit."""
    skip = set(audit.CHECKS) - set(checks)
    return audit.run(market, skip=skip, **{"cuts": 2, "topk": 4, "min_months": 4, **options})


def subjects(market, check, **options):
    """Names that a check fails."""
    return {finding.subject for finding in report(market, check, **options)[check].findings}


def factors(market, rng):
    """Factors: leak → whether it was failed; clean one → whether it was not."""
    before = registry.snapshot()
    leaking, clean = plants.LEAKING_FACTORS, plants.CLEAN_FACTORS
    plants.forget()
    try:
        for name, function in {**leaking, **clean}.items():
            function.__name__ = function.__qualname__ = name
            factor("planted")(function)
        found = subjects(market, "factors", factors=(*leaking, *clean))
    finally:
        registry.restore(before)
    return {n: n in found for n in leaking} | {n: n not in found for n in clean}


def columns(market, rng):
    """Columns of a file."""
    leaking, clean = plants.columns(market.bars, rng)
    lines = {
        name: np.where(market.bars.traded, line, np.nan)
        for name, line in {**leaking, **clean}.items()
    }
    found = subjects(_with(market, **lines), "foresight")
    seen = {name: name in found for name in leaking}
    others = {name: name not in found for name in (*clean, *market.bars.lines)}
    return seen | others


def data(market, rng):
    """Prices, index, members and listing, as a file would have them."""
    bars, asset = market.bars, int(rng.integers(3, 10))
    day = int(rng.integers(120, 250))
    while not bars.traded[day - 3 : day + 3, asset].all():
        day += 1
    ratio = int(rng.choice([2, 3, 5, 10]))
    split = np.ones(bars["close"].shape)
    split[day:, asset] = ratio
    prices = ("open", "high", "low", "close", "preclose")
    raw = {line: bars[line] / split for line in prices} | {"volume": bars["volume"] * split}
    close = np.round(bars["close"] / split, 2)
    paid = {"volume": np.round(bars["volume"] * split)}
    paid["amount"] = close * paid["volume"]

    def adjusted(by, **lines):
        return replace(market, bars=Bars(bars.dates, bars.assets, {"close": close * by, **lines}))

    forward = split / split[-1]
    restated = bars["pb"].copy()
    restated[: day + 1, asset] *= 1.1
    crash = {line: bars[line].copy() for line in (*prices, "volume")}
    for line in prices:
        crash[line][day:, asset] *= 0.55
    crash["open"][day, asset] = crash["preclose"][day, asset] = bars["close"][day - 1, asset]
    crash["high"][day, asset] = bars["close"][day - 1, asset]
    crash["volume"][day, asset] *= 8
    sessions = int(rng.integers(1, 6))
    early = market.benchmark.shift(-sessions).dropna()
    other_zone = {name: line.copy() for name, line in bars.lines.items()}
    moves = bars.frame("close").pct_change(fill_method=None)
    like = int(moves.corrwith(moves.mean(axis=1)).argmax())  # who hardly moves with others hides
    for line in other_zone.values():
        line[:-1, like], line[-1, like] = line[1:, like].copy(), np.nan
    ahead = pd.DataFrame(next_month(bars), index=bars.dates, columns=list(bars.assets))
    past = bars.frame("close").pct_change(21, fill_method=None)
    survivors = [a for a in bars.assets if bars.traded[0, bars.assets.index(a)]
                 and bars.traded[-1, bars.assets.index(a)]]  # fmt: skip
    leaks = {
        "unadjusted split": (_with(market, **raw), "adjustment", {}),
        "forward prices beside amounts": (adjusted(forward, **paid), "adjustment", {}),
        "forward adjfactor": (adjusted(forward, adjfactor=forward), "adjustment", {}),
        "forward prices, two files": (
            adjusted(forward), "adjustment", {"against": adjusted(1.0).until(bars.dates[day - 1])},
        ),
        "restated ratio": (
            _with(market, pb=restated), "changed history", {"against": market},
        ),
        "index dated early": (replace(market, benchmark=early), "dates", {}),
        "stock of another zone": (_with(market, **other_zone), "dates", {}),
        "members by the month to come": (_members(market, ahead), "members", {}),
        "survivors": (
            replace(market, bars=bars.select(survivors), membership=None), "survivorship", {},
        ),
    }  # fmt: skip
    clean = {
        "as it is": (market, "adjustment", {}),
        "backward prices": (adjusted(split, **paid), "adjustment", {}),
        "backward adjfactor": (adjusted(split, adjfactor=split), "adjustment", {}),
        "crash": (_with(market, **crash), "adjustment", {}),
        "longer file": (market, "changed history", {"against": market.until(bars.dates[day])}),
        "index": (market, "dates", {}),
        "members by the month before": (_members(market, past), "members", {}),
        "stocks that leave": (market, "survivorship", {}),
    }
    return {
        name: report(planted, check, **options)[check].status == status
        for kind, status in ((leaks, "fail"), (clean, "pass"))
        for name, (planted, check, options) in kind.items()
    }


def strategies(market, rng):
    """Strategies, signals and scores."""
    ahead = pd.DataFrame(
        next_month(market.bars), index=market.bars.dates, columns=list(market.bars.assets)
    )
    ahead += rng.normal(0, 0.03, ahead.shape)
    scores = pd.DataFrame(rng.random(ahead.shape), ahead.index, ahead.columns)
    audit_plants.Remembering().scores(market.bars)  # somewhere, before the audit
    run = {"strategy": MonthlyTopK, "signal": scores}
    checks = ("scores", "orders", "same day")
    seen = {}
    for kind in (audit_plants.CheatOnOpen, audit_plants.CheatOnce, audit_plants.NextClose,
                 audit_plants.Own):  # fmt: skip
        told = report(market, "same day", **run | {"strategy": kind})
        seen[kind.__name__] = told["same day"].status == "fail"
    remembering = audit_plants.Remembering()
    told = report(market, *checks, **run | {"signal": remembering})
    seen["signal that remembers"] = told["orders"].status == "fail"
    told = report(market, "accuracy", **run | {"signal": ahead})
    seen["table of the month to come"] = told["accuracy"].status == "fail"
    wide = make_market(40, 500, int(rng.integers(1000)))  # of few stocks it is within chance
    told = report(wide, "account", **run | {"strategy": audit_plants.CheatOnOpen, "topk": 5})
    seen["account that cheats"] = told["account"].status == "fail"
    for kind in (MonthlyTopK, audit_plants.Plain):
        told = report(market, *checks, "accuracy", "account", **run | {"strategy": kind})
        seen[kind.__name__] = told.passed and told["account"].status == "pass"
    for signal in (MomentumScores(2), RandomScores(int(rng.integers(1000)))):
        told = report(market, *checks, "accuracy", **run | {"signal": signal})
        seen[type(signal).__name__] = told.passed and told["orders"].status == "pass"
    return seen


GROUPS = {"factors": factors, "columns": columns, "data": data, "strategies": strategies}


def _with(market, **lines):
    bars = market.bars
    return replace(market, bars=Bars(bars.dates, bars.assets, {**bars.lines, **lines}))


def _members(market, pick, n=6):
    """Members of each month: the `n` best by a table of numbers at the month-end."""
    dates = market.bars.dates
    ends = np.flatnonzero(np.diff(dates.month))
    rows = [
        (asset, dates[end], dates[until])
        for end, until in zip(ends[:-1], ends[1:], strict=True)
        for asset in pick.loc[dates[end]].dropna().nlargest(n).index
    ]
    frame = pd.DataFrame(rows, columns=["symbol", "in_date", "out_date"])
    return replace(market, membership=Membership.from_frame(frame))


def trial(seed, groups=tuple(GROUPS)):
    """Plant everything in a random market; say what was not caught, or wrongly."""
    market, rng = draw(seed)
    seen = {}
    with quiet():
        for group in groups:
            for name, right in GROUPS[group](market, rng).items():
                seen[f"{name} ({group})"] = right
    wrong = [name for name, right in seen.items() if not right]
    return f"{len(wrong)} of {len(seen)} were told wrongly: {', '.join(wrong)}" if wrong else ""
