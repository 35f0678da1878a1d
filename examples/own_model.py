"""Any scikit-learn classifier or pipeline in place of the network.

    python examples/own_model.py

Walk-forward, labels, principal components and refits stay the same; each month-end gets a fresh
clone, seeded by the month. `AttentionGRUClassifier` is a classifier like the others, so the network
takes settings of yours as well. All are walked at once, on the same factors, and then traded; one
alone can be handed over as `signal` of the strategy.
"""

import argparse

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from attngru_bt import AttentionGRUClassifier, MonthlyTopK, backtest, make_market, walk_forward
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
    for walk in walk_forward(market, MODELS, topk=5, lookback=5):
        quality = summary(monthly_quality(walk.labels(), k=5))["mean"]
        strategy = backtest.run(market, MonthlyTopK, topk=5, signal=walk)
        annual = strategy.analyzers.performance.get_analysis()["annual_return"]
        row = f"{quality['rank_ic']:8.3f} {quality['precision']:12.3f} {annual:14.1%}"
        print(f"{walk.model:<10} {row}")
