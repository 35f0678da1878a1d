"""From factors to what a model is fitted on: scikit-learn transformers for panels of stocks.

Every transformer takes and returns a DataFrame indexed (date, asset) with one column per factor, so
they compose in a `sklearn.pipeline.Pipeline`. Those that work per date look at one date's rows at a
time and have nothing to fit: dates do not see each other, so neither past nor future leaks. NaN
means "not known" and stays NaN until `FillMissing`.
"""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from attngru_bt.preprocessing.components import Components
from attngru_bt.preprocessing.covariance import RunningCovariance
from attngru_bt.preprocessing.missing import FillMissing, MissingShareFilter
from attngru_bt.preprocessing.neutralise import Neutralise
from attngru_bt.preprocessing.standardise import Standardise, Winsorise

__all__ = [
    "Components",
    "FillMissing",
    "MissingShareFilter",
    "Neutralise",
    "RunningCovariance",
    "Standardise",
    "Winsorise",
    "default_preprocessing",
]


def default_preprocessing(
    n_components: int | float = 24, standardise: str = "date", max_share: float = 0.2
) -> Pipeline:
    """Filter, winsorise, standardise, fill and compress: what a model gets unless told otherwise.

    Parameters
    ----------
    n_components : int or float, default=24
        Principal components, or the share of the variance they must explain.
    standardise : {"date", "panel"}, default="date"
        Each date among itself, or over all training rows (the paper's).
    max_share : float, default=0.2
        Largest share of missing values at which a factor is kept.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps "missing", "winsorise", "standardise", "fill", "components".
    """
    return Pipeline(
        [
            ("missing", MissingShareFilter(max_share)),
            ("winsorise", Winsorise()),
            ("standardise", Standardise(by=standardise)),
            ("fill", FillMissing(0.0)),
            ("components", Components(n_components)),
        ]
    )
