"""Log a run with MLflow: each month as it is scored, and the figures at the end.

    python examples/mlflow_log.py

`progress` is called with the `MonthRecord` of each month-end; a function of yours does the rest.
MLflow 3.18 keeps what is logged in mlflow.db of the working folder; mlflow-skinny alone needs a
server, which MLFLOW_TRACKING_URI names.
"""

import argparse
import sys

from attngru_bt import backtest, make_market

try:
    import mlflow
except ImportError:
    sys.exit("This example needs MLflow: pip install mlflow")


def log_month(record):
    """Log what a month-end was scored by."""
    if len(record.scores):
        day = int(record.month_end.strftime("%Y%m%d"))
        metrics = {"rows": record.n_rows, "fit_seconds": record.fit_seconds}
        for name, value in (record.in_sample or {}).items():
            metrics[f"in_sample_{name}"] = value
        mlflow.log_metrics(metrics, step=day)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A run logged with MLflow.")
    parser.add_argument("--days", type=int, default=600, help="sessions of made-up prices")
    args = parser.parse_args()

    settings = {"signal": "ridge", "topk": 5, "min_months": 6}
    with mlflow.start_run():
        mlflow.log_params(settings)
        strategy = backtest.run(
            make_market(n_assets=30, n_days=args.days), progress=log_month, **settings
        )
        figures = strategy.analyzers.performance.get_analysis()
        logged = {name: value for name, value in figures.items() if isinstance(value, float)}
        mlflow.log_metrics(logged)
    print(f"logged: {', '.join(sorted(logged))}")
