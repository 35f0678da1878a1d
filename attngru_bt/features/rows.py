"""The rows of cross-sections: as a table, and as the sequences that a model is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.labels import FloatArray
from attngru_bt.features.windows import Windows, concatenated

BLOCK = 4000  # rows preprocessed at once: all factors of a whole training window fill the memory


def row_frame(sections: Sequence[CrossSection], step: int | None = -1) -> pd.DataFrame:
    """Rows of several cross-sections as one DataFrame indexed (date, asset), columns factors.

    Parameters
    ----------
    sections : sequence of CrossSection
        All with the same columns.
    step : int or None, default -1
        Which step to take; None takes all of them, a row per (stock, step), steps innermost, all
        carrying the date of their month-end.
    """
    columns = sections[0].columns
    take = slice(None) if step is None else [step]
    values = np.concatenate([s.values[:, take, :].reshape(-1, len(columns)) for s in sections])
    steps = sections[0].values.shape[1] if step is None else 1
    place = {name: i for i, name in enumerate(sorted({a for s in sections for a in s.assets}))}
    # the stubs know lists of hashables only; arrays are taken as they are, without a copy
    levels: Any = [pd.DatetimeIndex([s.date for s in sections]), list(place)]
    codes: Any = [
        np.repeat(np.arange(len(sections)), [len(s) * steps for s in sections]),
        np.repeat([place[a] for s in sections for a in s.assets], steps),
    ]
    index = pd.MultiIndex(levels=levels, codes=codes, names=["date", "asset"])
    return pd.DataFrame(values, index=index, columns=list(columns), copy=False)


def sequences(
    sections: Sequence[CrossSection], transform: Any | None, wanted: NDArray[np.bool_] | None = None
) -> Any:
    """Model input of shape (rows, n_steps, n_features): preprocessed steps of all rows.

    A step on which no factor of a stock was known stays NaN throughout, whatever the
    preprocessing fills: the network masks it rather than taking it for an average stock.

    Parameters
    ----------
    sections : sequence of CrossSection
    transform : fitted transformer with `transform(DataFrame)`, or None
        Raw lines are taken as they are, as `Windows`.
    wanted : bool array of shape (rows,), optional
        Rows to take. Default: all.
    """
    if isinstance(sections[0].values, Windows):
        windows = concatenated([section.values for section in sections])
        return windows if wanted is None else windows[wanted]
    if wanted is None:
        parts = [_block(block, transform) for block in _blocks(sections)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    out: FloatArray | None = None
    first = end = 0
    for block in _blocks(sections):  # into one array: a whole market is not to be copied twice
        features = _block(block, transform)
        features = features[wanted[first : first + len(features)]]
        if out is None:
            out = np.empty((np.count_nonzero(wanted), *features.shape[1:]))
        out[end : end + len(features)] = features
        first, end = first + sum(map(len, block)), end + len(features)
    return out


def _blocks(sections: Sequence[CrossSection]) -> Iterator[list[CrossSection]]:
    """Yield blocks of whole months: some transformers look at all rows of a date."""
    block: list[CrossSection] = []
    n_rows = 0
    for section in sections:
        block.append(section)
        n_rows += len(section)
        if n_rows >= BLOCK:
            yield block
            block, n_rows = [], 0
    if block:
        yield block


def _block(sections: Sequence[CrossSection], transform: Any | None) -> FloatArray:
    rows = row_frame(sections, step=None)
    absent = np.isnan(rows.to_numpy()).all(axis=1)
    out = rows if transform is None else transform.transform(rows)
    features = np.array(out, dtype=np.float64)  # (rows * n_steps, n_features)
    features[absent] = np.nan
    n_steps = sections[0].values.shape[1]
    return features.reshape(-1, n_steps, features.shape[1])  # (rows, n_steps, n_features)
