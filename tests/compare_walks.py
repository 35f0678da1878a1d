"""Walks with scores of known quality, without fitting anything."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from attngru_bt.data.schedule import Schedule
from attngru_bt.factors import registry
from attngru_bt.features.cross_section import CrossSection, month_ends
from attngru_bt.walkforward import Walk
from attngru_bt.walkforward.record import MonthRecord

FACTORS = [factor.name for factor in registry][::6]


def sections(market):
    """Cross-sections without factors: who is there at each month-end, and what they earn next."""
    close = market.bars.frame("close").iloc[month_ends(market.bars.dates)]
    found = []
    for i, (date, row) in enumerate(close.iterrows()):
        here = row.dropna()
        after = None
        if i + 1 < len(close):
            after = (close.iloc[i + 1][here.index] / here - 1).to_numpy()
        values = np.zeros((len(here), 1, 1), dtype=np.float32)
        found.append(CrossSection(date, tuple(here.index), ("x",), values, here.to_numpy(), after))
    return found


def walk(market, model, seed=0, skill=0.0, topk=3, first=3, last=None, attention=False):
    """Scores between 0 and 1: `skill` of the next return's rank (1 = it alone), the rest noise."""
    rng = np.random.default_rng([seed, sum(map(ord, model))])
    months = sections(market)
    records = []
    for i, section in enumerate(months[:-1][:last]):
        place = pd.Series(section.returns).rank(pct=True).fillna(0.5).to_numpy()
        mixed = skill * place + (1 - abs(skill)) * rng.random(len(section))
        record = MonthRecord(
            section.date,
            pd.Series(mixed if i >= first else [], section.assets if i >= first else [], float),
            refit=i >= first and (i - first) % 2 == 0,
            fit_seconds=0.5 if (i - first) % 2 == 0 else 0.0,
        )
        if model not in ("random", "momentum"):
            record.in_sample = {"accuracy": 0.97, "accuracy_at_k": 0.91, "auc": 0.99}
        if attention and i >= first:
            loadings = np.linalg.qr(rng.normal(size=(len(FACTORS), 3)))[0].T
            record.attention = {"factor": np.array([0.6, 0.3, 0.1])}
            record.loadings = pd.DataFrame(loadings, columns=FACTORS)
        records.append(record)
    made = Walk(
        None,
        SimpleNamespace(sections=months, schedule=Schedule()),
        model=model,
        seed=seed,
        topk=topk,
    )
    for now, record in enumerate(records):
        made.keep(now, record)
    return made
