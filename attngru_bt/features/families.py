"""Families of factors, and cross-sections in which a family has the values of other stocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngru_bt.factors import registry
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.windows import line_of

OWN = "own columns"  # family of factors that are not in the registry: further columns of the data
MOST_ALONE = 20  # columns of a single family that are told apart


def families_of(columns: Sequence[str]) -> NDArray[Any]:
    """Return the family of each factor or line; what is not registered is "own columns"."""
    family = {factor.name: factor.family for factor in registry}
    names = (name if name in family else line_of(name) for name in columns)
    return np.array([family.get(name, OWN) for name in names], dtype=object)


def groups_of(columns: Sequence[str]) -> NDArray[Any]:
    """Return the family of each column; factors or lines themselves where there is only one.

    A single family of more than `MOST_ALONE` factors or lines stays one.
    """
    families = families_of(columns)
    if len(set(families)) > 1:
        return families
    known = {factor.name for factor in registry}
    alone = [name if name in known else line_of(name) for name in columns]
    return np.array(alone, dtype=object) if len(set(alone)) <= MOST_ALONE else families


def exchanged(
    section: CrossSection,
    rows: NDArray[np.intp],
    donors: NDArray[np.intp],
    taken: NDArray[np.bool_],
) -> CrossSection:
    """Return rows of a cross-section with some columns of other rows in place of their own.

    Parameters
    ----------
    section : CrossSection
    rows, donors : int arrays of shape (m,)
        Row i of the result is row ``rows[i]``, with the columns `taken` of ``donors[i]``, all steps
        of them.
    taken : bool array of shape (n_factors,) or (m, n_factors)

    Returns
    -------
    CrossSection
        Of m made-up stocks, to be scored and nothing else. Windows of raw lines are cut.
    """
    values = np.asarray(section.values)
    mask = np.broadcast_to(np.atleast_2d(taken), (len(rows), values.shape[2]))[:, None, :]
    return replace(
        section,
        assets=tuple(f"{i:07d}" for i in range(len(rows))),
        values=np.where(mask, values[donors], values[rows]),
    )
