"""Any scikit-learn classifier or pipeline in place of the network: hand it over as `signal`.

    python examples/own_model.py

Walk-forward, labels, principal components and refits stay the same; each month-end gets a fresh
clone, seeded by the month. `AttentionGRUClassifier` is a classifier like the others, so the network
takes settings of yours as well.
"""

import argparse

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from attngru_bt import AttentionGRUClassifier, backtest, make_market
from attngru_bt.evaluation import monthly_quality, summary

MODELS = {
    "logistic": LogisticRegression(C=0.1, max_iter=1000),
    "boosting": HistGradientBoostingClassifier(max_depth=3, max_iter=30),
    "pipeline": make_pipeline(SelectKBest(k=8), RandomForestClassifier(50, min_samples_leaf=10)),
    "network": AttentionGRUClassifier(attention="both", hidden_size=8, max_epochs=10),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Any scikit-learn classifier as signal.")
    parser.add_argument("--days", type=int, default=600, help="sessions of made-up prices")
    args = parser.parse_args()

    market = make_market(n_assets=30, n_days=args.days, signal=0.2)
    print(f"{'model':<10} {'rank IC':>8} {'precision@5':>12} {'annual return':>14}")
    for name, model in MODELS.items():
        strategy = backtest.run(market, topk=5, signal=model, lookback=5)
        quality = summary(monthly_quality(strategy.signal.labels(), k=5))["mean"]
        annual = strategy.analyzers.performance.get_analysis()["annual_return"]
        print(f"{name:<10} {quality['rank_ic']:8.3f} {quality['precision']:12.3f} {annual:14.1%}")
