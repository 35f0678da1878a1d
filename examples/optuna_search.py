"""Tune a model with Optuna on the inner months only, and look at the outer ones once.

    python examples/optuna_search.py

Each batch of trials is one call of `walk_forward`, which computes the factors once for all of them
and is given no bar after the last inner day. Only then is the winner walked through the outer
months, beside the settings one would have taken without a search.
"""

import argparse
import sys
from dataclasses import replace

import pandas as pd
from sklearn.linear_model import Ridge

from attngru_bt import SignalGenerator, load_sp500, walk_forward
from attngru_bt.evaluation import monthly_quality

try:
    import optuna
except ImportError:
    sys.exit("This example needs Optuna: pip install 'attngru_bt[optuna]'")

FACTORS = ["BIAS20", "ROC20", "RSI", "MA60", "REVS20", "MA120"]
UNTUNED = {"alpha": 100.0, "window": 36}


def candidate(trial):
    """Return a ridge on return ranks, with a penalty and a number of months that the trial says."""
    return SignalGenerator(
        Ridge(alpha=trial.suggest_float("alpha", 1.0, 1e5, log=True)),
        window=trial.suggest_int("window", 12, 60, step=12),
        factors=FACTORS,
        n_components=None,
        min_months=12,
        refit=6,
        topk=5,
    )


def rank_ic(walk):
    """Return the rank IC of each month whose outcome is known, by month-end."""
    return monthly_quality(walk.labels(), k=5)["rank_ic"].dropna()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tune on inner months, look at outer ones once.")
    parser.add_argument("--inner", default="2018-12-31", help="last day that the search may see")
    parser.add_argument("--sessions", type=int, default=2500, help="of the data, the last")
    parser.add_argument("--batches", type=int, default=4, help="of five trials each")
    args = parser.parse_args()

    whole = load_sp500()
    market = replace(whole, bars=whole.bars.rows(len(whole.bars) - args.sessions, len(whole.bars)))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    for _ in range(args.batches):
        trials = [study.ask() for _ in range(5)]
        signals = {f"trial {trial.number}": candidate(trial) for trial in trials}
        for trial, walk in zip(trials, walk_forward(market, signals, end=args.inner), strict=True):
            study.tell(trial, rank_ic(walk).mean())
    print(f"best of {len(study.trials)} trials: {study.best_params}")

    settings = {"untuned": UNTUNED, "tuned": study.best_params}
    signals = {name: candidate(optuna.trial.FixedTrial(one)) for name, one in settings.items()}
    print(f"{'rank IC':<8} {'inner months':>13} {'outer months':>13}")
    for walk in walk_forward(market, signals):
        monthly = rank_ic(walk)
        # the outcome of the last inner month-end came after it
        outer = monthly.index >= pd.Timestamp(args.inner) - pd.offsets.MonthBegin(1)
        print(f"{walk.model:<8} {monthly[~outer].mean():13.3f} {monthly[outer].mean():13.3f}")
