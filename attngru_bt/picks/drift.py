"""How unusual the factors of a month are, compared with those that the model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.base import moments
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.families import families_of

BINS = 10
USUAL = 12  # latest training months that a month is compared with
LEAST_SHARE = 1e-3  # share of an empty bin, so that its logarithm is finite
FAR = 3.0  # deviations

Floats = NDArray[np.float64]


def feature_drift(
    training: Sequence[CrossSection], section: CrossSection, factors: Sequence[str]
) -> pd.DataFrame:
    """Compare the factors of a month with those of the training months, family by family.

    The population stability index (PSI) of a factor is the sum over ten bins of
    ``(p - q) log(p / q)``, with the shares p of the month's stocks and q of the training rows, a
    tenth each. A month of few stocks differs by chance, and all stocks move together, so the PSI is
    compared with that of single training months.

    Parameters
    ----------
    training : sequence of CrossSection
        The months that the model in use was fitted on.
    section : CrossSection
        The month.
    factors : sequence of str
        The factors that the model was given.

    Returns
    -------
    DataFrame, index family
        `factors` (how many), `far` and `far_training` (share of the known values beyond 3 standard
        deviations of the training rows), `psi` (mean over the family's factors), `psi_usual` and
        `psi_most` (median and maximum of the last 12 training months).
    """
    columns = [section.columns.index(name) for name in factors]
    rows = np.concatenate([s.values[:, -1, columns] for s in training]).astype(np.float64)
    today = section.values[:, -1, columns].astype(np.float64)
    center, spread = moments(rows)
    usual = [s.members() for s in training[-USUAL:]]
    recent = [s.values[:, -1, columns].astype(np.float64) for s in usual]
    psi = np.array([stability(rows, month) for month in (today, *recent)])  # (months, factors)
    table = pd.DataFrame(
        {
            "factors": 1,
            "far": _far(today, center, spread),
            "far_training": _far(rows, center, spread),
            **{str(i): values for i, values in enumerate(psi)},
        }
    )
    family = families_of(factors)
    of_family = table.drop(columns="factors").groupby(family, sort=False).mean()
    of_family.insert(0, "factors", table["factors"].groupby(family, sort=False).sum())
    earlier = of_family[[str(i) for i in range(1, len(psi))]]
    return pd.DataFrame(
        {
            "factors": of_family["factors"],
            "far": of_family["far"],
            "far_training": of_family["far_training"],
            "psi": of_family["0"],
            "psi_usual": earlier.median(axis=1),
            "psi_most": earlier.max(axis=1),
        }
    ).rename_axis("family")


def stability(training: Floats, month: Floats) -> Floats:
    """Return the PSI of each factor of a month; NaN where nothing is known.

    Parameters
    ----------
    training, month : arrays of shape (rows, factors) and (stocks, factors)
    """
    result = np.full(training.shape[1], np.nan)
    for factor, (before, now) in enumerate(zip(training.T, month.T, strict=True)):
        before, now = before[~np.isnan(before)], now[~np.isnan(now)]
        if not len(before) or not len(now):
            continue
        edges = np.quantile(before, np.arange(1, BINS) / BINS)
        q, p = (_shares(values, edges) for values in (before, now))
        result[factor] = float(((p - q) * np.log(p / q)).sum())
    return result


def _shares(values: Floats, edges: Floats) -> Floats:
    """Return the share of the values in each bin."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=BINS)
    return np.maximum(counts / len(values), LEAST_SHARE)


def _far(values: Floats, center: Floats, spread: Floats) -> Floats:
    """Return the share of the known values of each factor beyond `FAR` deviations."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        far = np.abs(values - center) > FAR * spread
    return np.asarray((far & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
