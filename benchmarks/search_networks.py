"""What attention and recurrence add: networks and a linear model at equal budget, out of sample.

    cd ../shared/data; python …/benchmarks/search_networks.py --data alla/panel.parquet \
        --membership csi300/membership.csv --benchmark csi300/index.csv --refit 24

Every model reads the same rows in the same order with the same units (32), passes (6), batches
(1,024) and learning rate, and is fitted on the ranks of the next returns; the linear model is a
ridge. Two views of a stock: factors (145 of them, at the last three month-ends) and raw lines (60
sessions, three to a step). Two sets of training rows: the members alone (M; raw lines every week)
and the whole market (A; at month-ends, within size deciles and weighted by likeness in size), which
are about as many rows. Scores of the members, month-end close to month-end close, without costs.
Prints a Markdown table and writes it with the monthly rank ICs; walks are kept and gone on with.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from attngru_bt.data.files import read_index, read_table
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Membership
from attngru_bt.evaluation.newey_west import hac_t_statistic
from attngru_bt.evaluation.quality import monthly_quality, t_statistic
from attngru_bt.models.estimators import (
    AttentionGRURegressor,
    ConvolutionRegressor,
    FeedForwardRegressor,
)
from attngru_bt.models.linear import RidgePerRow
from attngru_bt.walkforward import SignalGenerator, walk_forward

BUDGET = dict(
    hidden_size=32, max_epochs=6, n_averaged=2, early_stopping=False, schedule="cosine",
    batch_size=1024, lr=0.003,
)  # fmt: skip
VIEWS: dict[str, dict[str, Any]] = {
    "factors M": dict(n_components=None, lookback=3),
    "factors A": dict(n_components=None, lookback=3, train_on="all"),
    "lines M": dict(view="lines", sample="week"),
    "lines A": dict(view="lines", train_on="all"),
}


def flat(X: np.ndarray) -> np.ndarray:
    """Return each row's steps side by side."""
    X = np.asarray(X)
    return X.reshape(len(X), -1)


def _flat_first(model: Any) -> Any:
    return make_pipeline(FunctionTransformer(flat), model)


MODELS: dict[str, Callable[[int], Any]] = {
    "linear": lambda seed: RidgePerRow(),
    "feed-forward": lambda seed: _flat_first(FeedForwardRegressor(**BUDGET, random_state=seed)),
    "CNN": lambda seed: ConvolutionRegressor(**BUDGET, random_state=seed),
    "LSTM": lambda seed: AttentionGRURegressor(
        **BUDGET, attention=None, cell="lstm", random_state=seed
    ),
    "GRU": lambda seed: AttentionGRURegressor(**BUDGET, attention=None, random_state=seed),
    "attention-GRU": lambda seed: AttentionGRURegressor(**BUDGET, random_state=seed),
    "GRU, attention over time": lambda seed: AttentionGRURegressor(
        **BUDGET, attention="temporal", random_state=seed
    ),
}


def rank_ics(market: Market, options: argparse.Namespace) -> pd.DataFrame:
    """Return the monthly rank IC of each model, view and seed, a column each."""
    columns = {}
    for view in options.views:
        models = {
            f"{name} {seed}": SignalGenerator(
                MODELS[name](seed),
                universe=market.membership,
                target="rank",
                refit=options.refit,
                **VIEWS[view],
            )
            for name in options.models
            for seed in range(options.seeds if name in options.seeded else 1)
        }
        walks = walk_forward(
            market,
            models,
            start=options.start,
            folder=options.out / view.replace(" ", "-"),
            jobs=options.jobs,
            complete=False,
        )
        for walk in walks:
            name, _, seed = walk.model.rpartition(" ")
            columns[view, name, int(seed)] = monthly_quality(walk.labels())["rank_ic"]
            print(f"{view}: {walk.model}, {walk.fit_seconds:.0f} s of fitting", flush=True)
    table = pd.DataFrame(columns).dropna()
    table.columns.names = ["view", "model", "seed"]
    return table


def markdown(ics: pd.DataFrame) -> str:
    """Return the table: mean over months and seeds, and what each model adds to the GRU."""
    lines = [
        f"{len(ics)} months, {ics.index[0]:%Y-%m} to {ics.index[-1]:%Y-%m}.",
        "",
        "| view | model | seeds | rank IC (HAC t) | spread over seeds | more than the GRU (t) |",
        "|---|---|---|---|---|---|",
    ]
    for view, of_view in ics.T.groupby(level="view", sort=False):
        gru = of_view.xs("GRU", level="model").mean()
        for model, of_model in of_view.groupby(level="model", sort=False):
            mean = of_model.mean()
            spread = f"{of_model.mean(axis=1).std():.3f}" if len(of_model) > 1 else "–"
            gain = mean - gru
            added = "–" if model == "GRU" else f"{gain.mean():+.3f} ({t_statistic(gain):.1f})"
            lines.append(
                f"| {view} | {model} | {len(of_model)} | {mean.mean():.3f} "
                f"({hac_t_statistic(mean):.1f}) | {spread} | {added} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Read the market, walk, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "membership", "benchmark"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--start", default="2015-01-01")
    parser.add_argument("--refit", type=int, default=24, help="months between fits")
    parser.add_argument("--views", nargs="+", default=list(VIEWS), choices=list(VIEWS))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seeds", type=int, default=3, help="of the models --seeded")
    parser.add_argument("--seeded", nargs="*", default=["GRU", "attention-GRU"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/networks"))
    options = parser.parse_args()
    market = Market(
        read_table(options.data),
        read_index(options.benchmark),
        Membership.from_csv(options.membership),
        options.data.parent.name,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    ics = rank_ics(market, options)
    ics.to_csv(options.out / "rank_ic.csv")
    table = markdown(ics)
    (options.out / "table.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
