"""From factors to what a model is fitted on: scikit-learn transformers for panels of stocks.

Every transformer takes and returns a DataFrame indexed (date, asset) with one column per factor, so
they compose in a `sklearn.pipeline.Pipeline`. Those that work per date look at one date's rows at a
time and have nothing to fit: dates do not see each other, so neither past nor future leaks. NaN
means "not known" and stays NaN until `FillMissing`.
"""

from __future__ import annotations

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
]
