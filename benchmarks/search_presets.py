"""Choose the settings of `attention-gru-ranks` by experiment, out of sample.

    python benchmarks/search_presets.py --data ../shared/data/csi300
    python benchmarks/search_presets.py --variants all --networks 10 --out runs/presets

Members of the index at each date, walk-forward: a model fitted at a month-end (every `--refit`
months) knows the returns up to that month-end only, and scores the months up to the next fit. The
cross-sections are made once by the library's own `Panel` and kept under `--cache`; networks are
trained side by side (`fit_many`). Returns go from month-end close to month-end close, without
costs. Prints a Markdown table and, with `--out`, writes it with the monthly figures as CSV.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from attngru_bt.data.market import load
from attngru_bt.evaluation.quality import monthly_quality, summary, t_statistic
from attngru_bt.factors import FactorHistory
from attngru_bt.features.components import Components
from attngru_bt.features.cross_section import CrossSection, row_frame, sequences
from attngru_bt.features.missing import ConstantImputer, MissingShareFilter
from attngru_bt.features.panel import Panel
from attngru_bt.features.standardizer import Standardizer
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.models.estimators.fitting import fit_many
from attngru_bt.models.names import find
from attngru_bt.models.presets import ranks_model

TOPK = 10
MONTHS = 12  # the longest look-back kept; shorter ones are its last steps

# -- variants -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """One setting: what goes in, what it is to learn, and the model."""

    make: Callable[[], Any]
    target: str = "rank"
    inputs: str = "clip"  # "clip", "panel", "date": how factors are standardized
    limit: float = 3.0  # standard deviations at which "clip" clips
    n_components: int | None = 24
    lookback: int = 3
    step: str = "month"
    window: int | None = None  # months of a rolling window
    networks: bool = True
    also: Mapping[str, Any] = field(default_factory=dict)


def rank_network(**changes: Any) -> Variant:
    """Return the network of `attention-gru-ranks` with changes of the estimator or the variant."""
    own = {k: v for k, v in changes.items() if k in Variant.__dataclass_fields__}
    settings = {k: v for k, v in changes.items() if k not in own}
    return Variant(lambda: ranks_model(**{"n_networks": 1, **settings}), **own)


def label_network(settings: Mapping[str, Any], **own: Any) -> Variant:
    """Return a network trained by cross-entropy."""
    return Variant(lambda: AttentionGRUClassifier(**settings), **own)


def classic(model: str | Callable[[], Any], **own: Any) -> Variant:
    """Return a model of scikit-learn, or of the library by name, on the month-end itself."""
    make = (lambda: find(model).make()) if isinstance(model, str) else model
    return Variant(make, lookback=1, networks=False, **own)


def _gbdt_ranks() -> Any:
    return HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.05, max_depth=3, early_stopping=False, random_state=0
    )


# most was tried around an earlier setting, of larger batches and less decay
EARLIER = {"batch_size": 512, "weight_decay": 3.0}


def earlier(**changes: Any) -> Variant:
    """Return the earlier setting with changes."""
    return rank_network(**{**EARLIER, **changes})


def _labels(**changes: Any) -> dict[str, Any]:
    return {**ranks_model(n_networks=1).get_params(), **EARLIER, **changes}


VARIANTS: dict[str, Variant] = {
    "attention-gru-ranks": rank_network(),
    "paper": label_network({}, target="top", inputs="panel", step="day", lookback=20),
    "paper, 6 months": label_network({}, target="top", inputs="panel", lookback=6),
    "paper, fixed epochs": label_network(
        _labels(skip=False, hidden_size=16, schedule="constant", weight_decay=1.0),
        target="top",
        inputs="panel",
    ),
    # the same inputs to models without a network
    "logistic": classic("logistic", target="top"),
    "gbdt": classic("gbdt", target="top"),
    "gbdt on ranks": classic(_gbdt_ranks),
    "ridge": classic(lambda: Ridge(100.0)),
    "ridge 1e4": classic(lambda: Ridge(1e4)),
    "logistic, panel z": classic("logistic", target="top", inputs="panel"),
    "gbdt, panel z": classic("gbdt", target="top", inputs="panel"),
    "ridge, panel z": classic(lambda: Ridge(100.0), inputs="panel"),
    "logistic, date z": classic("logistic", target="top", inputs="date"),
    "gbdt, date z": classic("gbdt", target="top", inputs="date"),
    "ridge, date z": classic(lambda: Ridge(100.0), inputs="date"),
    "ridge, PCA 40": classic(lambda: Ridge(100.0), n_components=40),
    "ridge 1e4, no PCA": classic(lambda: Ridge(1e4), n_components=None),
    # around the chosen setting
    "weight decay 30": rank_network(weight_decay=30.0),
    "batch 512": rank_network(batch_size=512),
    "batch 512, 10 epochs": rank_network(batch_size=512, max_epochs=10),
    # around the earlier setting
    "earlier setting": earlier(),
    "earlier, weight decay 1": earlier(weight_decay=1.0),
    "earlier, panel z": earlier(inputs="panel"),
    "earlier, date z": earlier(inputs="date"),
    "earlier, clip 2": earlier(limit=2.0),
    "earlier, clip 5": earlier(limit=5.0),
    "earlier, PCA 12": earlier(n_components=12),
    "earlier, PCA 40": earlier(n_components=40),
    "earlier, no PCA": earlier(n_components=None),
    "earlier, 1 month": earlier(lookback=1),
    "earlier, 6 months": earlier(lookback=6),
    "earlier, 12 months": earlier(lookback=12),
    "earlier, 5 days": earlier(lookback=5, step="day"),
    "earlier, 10 days": earlier(lookback=10, step="day"),
    "earlier, rolling 36": earlier(window=36),
    "earlier, rolling 60": earlier(window=60),
    "earlier, top 10, cross-entropy": label_network(_labels(), target="top"),
    "earlier, top half, cross-entropy": label_network(_labels(), target="half"),
    "earlier, normal scores": earlier(target="normal"),
    "earlier, excess return": earlier(target="excess"),
    "earlier, rank of return over volatility": earlier(target="vol"),
    "earlier, rank + top 10": earlier(target="blend"),
    "earlier, squared rank": earlier(target="square"),
    "earlier, no skip": earlier(skip=False),
    "earlier, no attention": earlier(attention=None),
    "earlier, both attentions": earlier(attention="both"),
    "earlier, hidden 4": earlier(hidden_size=4),
    "earlier, hidden 16": earlier(hidden_size=16),
    "earlier, 3 epochs": earlier(max_epochs=3),
    "earlier, 10 epochs": earlier(max_epochs=10),
    "earlier, constant rate": earlier(schedule="constant"),
    "earlier, rate .001": earlier(lr=0.001),
    "earlier, rate .01": earlier(lr=0.01),
    "earlier, early stopping": earlier(early_stopping=True, max_epochs=30, schedule="constant"),
}

# -- data -----------------------------------------------------------------------------------------


def panel(data: str, step: str, lookback: int, normalize: bool) -> list[CrossSection]:
    """Return the cross-sections of the members at each month-end, oldest first."""
    market = load(data)
    made = Panel(
        FactorHistory(),
        universe=market.membership,
        lookback=lookback,
        step=step,
        normalize=normalize,
    )
    made.extend(market.bars)
    return [section for section in made.sections if len(section)]


def volatility(data: str, sections: list[CrossSection]) -> list[np.ndarray]:
    """Deviation of the last 60 daily returns at each month-end, per stock of the section."""
    close = load(data).bars.frame("close").ffill()
    deviation = close.pct_change(fill_method=None).rolling(60, min_periods=20).std()
    found = []
    for section in sections:
        here = deviation.loc[section.date, list(section.assets)]
        floor = here.quantile(0.05)
        found.append(here.fillna(here.median()).clip(lower=floor).to_numpy())
    return found


def target(name: str, section: CrossSection, deviation: np.ndarray) -> np.ndarray:
    """Return what is to be learnt of a month, per stock; NaN where the return is not known."""
    if section.returns is None:
        return np.full(len(section), np.nan)
    known = ~np.isnan(section.returns)
    returns, n = section.returns[known], int(known.sum())
    place = (rankdata(returns) - 1) / (n - 1)  # 0 worst, 1 best
    if name == "rank":
        wanted = 2 * place - 1
    elif name == "top":
        wanted = section.labels(TOPK)[known]
    elif name == "half":
        wanted = (place > 0.5).astype(float)
    elif name == "normal":
        wanted = norm.ppf((rankdata(returns) - 0.5) / n)
    elif name == "excess":  # over the median; the outer 2% pulled in; deviation 1
        beyond = returns - np.median(returns)
        reach = np.quantile(np.abs(beyond), 0.98)
        wanted = np.clip(beyond, -reach, reach)
        wanted = wanted / wanted.std()
    elif name == "vol":
        wanted = 2 * (rankdata((returns - returns.mean()) / deviation[known]) - 1) / (n - 1) - 1
    elif name == "blend":
        wanted = 2 * place - 1 + section.labels(TOPK)[known]
    elif name == "square":
        wanted = 2 * place**2 - 2 / 3
    else:
        raise ValueError(f"no target is named {name!r}.")
    out = np.full(len(section), np.nan)
    out[known] = wanted
    return out


def preprocess(variant: Variant) -> Pipeline:
    """Return what is fitted on the month-ends of the training window."""
    stages: list[tuple[str, Any]] = [("filter", MissingShareFilter(max_share=0.2))]
    if variant.inputs != "date":
        limit = variant.limit if variant.inputs == "clip" else None
        stages.append(("z-score", Standardizer(by="panel", limit=limit)))
    stages.append(("fill", ConstantImputer()))
    if variant.n_components is not None:
        stages.append(("components", Components(variant.n_components)))
    return Pipeline(stages)


# -- walk-forward ---------------------------------------------------------------------------------


class Search:
    """Scores of variants on one panel."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.memory = joblib.Memory(args.cache, verbose=0)

    def sections(self, variant: Variant) -> list[CrossSection]:
        """Return the cross-sections; monthly look-backs are cut from the longest one."""
        steps = MONTHS if variant.step == "month" else variant.lookback
        made = self.memory.cache(panel)(
            str(Path(self.args.data).resolve()), variant.step, steps, variant.inputs == "date"
        )
        made = [s for s in made if s.date >= pd.Timestamp(self.args.train)]
        return [replace(s, values=s.values[:, -variant.lookback :]) for s in made]

    def folds(self, dates: pd.DatetimeIndex, window: int | None) -> Iterator[tuple[slice, slice]]:
        """Yield month-ends to train on, all with known returns, and month-ends to score."""
        ends = pd.Timestamp(self.args.start), pd.Timestamp(self.args.end)
        first, last = (int(dates.searchsorted(end)) for end in ends)
        for now in range(first, last, self.args.refit):
            begin = 0 if window is None else max(0, now - window)
            yield slice(begin, now), slice(now, min(now + self.args.refit, last))

    def labels(self, variant: Variant) -> list[pd.DataFrame]:
        """Scores beside what came of them, a table per network (one for any other model)."""
        sections = self.sections(variant)
        dates = pd.DatetimeIndex([s.date for s in sections])
        if variant.target == "vol":
            deviations = volatility(self.args.data, sections)
        else:
            deviations = [np.empty(0)] * len(sections)
        wanted = [target(variant.target, *pair) for pair in zip(sections, deviations, strict=True)]
        count = self.args.networks if variant.networks else 1
        tables: list[list[pd.DataFrame]] = [[] for _ in range(count)]
        for train, test in self.folds(dates, variant.window):
            prepare = preprocess(variant).fit(row_frame(sections[train]))
            y = np.concatenate(wanted[train])
            known = ~np.isnan(y)
            groups = np.repeat(np.arange(len(dates))[train], [len(s) for s in sections[train]])
            X, y = sequences(sections[train], prepare)[known], y[known]
            later = sequences(sections[test], prepare)
            for table, score in zip(
                tables, self.scores(variant, X, y, groups[known], later, count), strict=True
            ):
                parts = [
                    pd.DataFrame(
                        {"label": s.labels(TOPK), "forward_return": s.returns},
                        index=pd.MultiIndex.from_product(
                            [[s.date], s.assets], names=["month_end", "asset"]
                        ),
                    )
                    for s in sections[test]
                ]
                table.append(pd.concat(parts).assign(score=score))
        return [pd.concat(table) for table in tables]

    def scores(
        self,
        variant: Variant,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray,
        later: np.ndarray,
        count: int,
    ) -> list[np.ndarray]:
        """Scores of the later rows by `count` networks of different seeds, or by the model."""
        if not variant.networks:
            model = variant.make().fit(X[:, -1], y)
            return [_value(model, later[:, -1])]
        models = [variant.make().set_params(random_state=seed) for seed in range(count)]
        fit_many(models, ((X, y, None, groups) for _ in models))
        return [_value(model, later) for model in models]


def _value(model: Any, X: np.ndarray) -> np.ndarray:
    return np.asarray(
        model.predict_proba(X)[:, 1] if hasattr(model, "predict_proba") else model.predict(X)
    )


# -- figures --------------------------------------------------------------------------------------


def monthly(labels: pd.DataFrame) -> pd.DataFrame:
    """Per month: rank IC, AUC, precision@10, return of the ten best and of all members."""
    quality = monthly_quality(labels, TOPK)
    months = labels.groupby(level=0)
    best = {
        month: rows["forward_return"].to_numpy()[np.argsort(-rows["score"], kind="stable")[:TOPK]]
        for month, rows in months
    }
    # nothing is earned on a stock without a price since
    quality["top"] = pd.Series({m: np.nan_to_num(r).mean() for m, r in best.items()})
    quality["members"] = months["forward_return"].mean()
    return quality


def annual(returns: pd.Series) -> float:
    return float((1 + returns).prod() ** (12 / len(returns)) - 1)


def figures(table: pd.DataFrame) -> dict[str, float]:
    means = summary(table)
    beyond = table["top"] - table["members"]
    return {
        "rank IC": means.loc["rank_ic", "mean"],
        "t": means.loc["rank_ic", "t"],
        "AUC": means.loc["auc", "mean"],
        "precision@10": means.loc["precision", "mean"],
        "top 10": annual(table["top"]),
        "excess": annual(table["top"]) - annual(table["members"]),
        "t of excess": t_statistic(beyond),
    }


def averaged(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the mean of the scores of several networks."""
    return tables[0].assign(score=np.mean([t["score"].to_numpy() for t in tables], axis=0))


def row(name: str, tables: list[pd.DataFrame], size: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """Figures of a variant: averages of `size` networks each, and single networks beside them."""
    size = min(size, len(tables))
    runs = [averaged(tables[i : i + size]) for i in range(0, len(tables) - size + 1, size)]
    per_run = [monthly(run) for run in runs]
    found = pd.DataFrame([figures(table) for table in per_run])
    out: dict[str, Any] = {"variant": name, "runs": f"{len(runs)} × {size}"}
    out |= found.mean().to_dict()
    if len(runs) > 1:
        out |= {f"{k} ±": found[k].std() for k in ("rank IC", "top 10")}
    if len(tables) > 1:
        single = pd.DataFrame([figures(monthly(table)) for table in tables])
        out |= {f"one {k}": single[k].mean() for k in ("rank IC", "top 10")}
        out |= {f"one {k} ±": single[k].std() for k in ("rank IC", "top 10")}
    return out, sum(per_run) / len(per_run)


def _spread(found: Mapping[str, Any], key: str, form: str) -> str:
    if key not in found:
        return ""
    spread = found.get(f"{key} ±")
    return f"{found[key]:{form}}" + ("" if spread is None else f" ± {spread:{form}}")


COLUMNS = (
    "variant", "runs", "rank IC", "t", "AUC", "precision@10", "top 10, a year", "excess", "t",
    "one network: rank IC", "top 10, a year",
)  # fmt: skip


def markdown(found: Mapping[str, Any]) -> str:
    cells = (
        found["variant"], found["runs"], _spread(found, "rank IC", ".3f"), f"{found['t']:.1f}",
        f"{found['AUC']:.3f}", f"{found['precision@10']:.3f}", _spread(found, "top 10", ".1%"),
        f"{found['excess']:+.1%}", f"{found['t of excess']:.1f}",
        _spread(found, "one rank IC", ".3f"), _spread(found, "one top 10", ".1%"),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    home = Path(os.environ.get("ATTNGRU_DATA", "../shared/data"))
    parser.add_argument("--data", default=home / "csi300", help="folder of the panel")
    parser.add_argument("--variants", nargs="+", default=["attention-gru-ranks", "paper", "ridge"],
                        help="names, or all")  # fmt: skip
    parser.add_argument("--networks", type=int, default=5, help="networks of different seeds")
    parser.add_argument("--seeds", type=int, default=5, help="networks averaged into one score")
    parser.add_argument("--refit", type=int, default=12, help="months between fits")
    parser.add_argument("--train", default="2010-01-01", help="first month-end trained on")
    parser.add_argument("--start", default="2015-01-01", help="first month-end scored")
    parser.add_argument("--end", default="2019-11-30", help="last date of a month-end scored")
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "attngru_bt_presets")
    parser.add_argument("--out", type=Path, help="folder for the table and the monthly figures")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if not Path(args.data).is_dir():
        print(f"skipped: no panel at {args.data}; set ATTNGRU_DATA to the folder that holds it")
        return
    names = list(VARIANTS) if args.variants == ["all"] else args.variants
    for name in names:
        if name not in VARIANTS:
            raise SystemExit(f"no variant is named {name!r}; there are {', '.join(VARIANTS)}")
    warnings.simplefilter("ignore")  # unconverged logistic regressions
    search = Search(args)
    print(f"Out of sample, month-ends {args.start} to {args.end}, fits every {args.refit} months.")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in names:
        began = time.process_time()
        found, months = row(name, search.labels(VARIANTS[name]), args.seeds)
        print(markdown(found), f"<!-- {time.process_time() - began:.0f} s -->", flush=True)
        if args.out is not None:
            args.out.mkdir(parents=True, exist_ok=True)
            months.to_csv(args.out / f"{name}.csv")
            with open(args.out / "table.md", "a", encoding="utf-8") as file:
                file.write(markdown(found) + "\n")


if __name__ == "__main__":
    main()
