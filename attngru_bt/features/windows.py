"""Windows: sequences of raw lines, cut from one array when they are asked for, never stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngru_bt.factors import FactorHistory

SESSIONS = 60  # of a window, unless told
SESSIONS_PER_STEP = 3  # a step of a sequence holds the lines of so many sessions side by side
NOT_TRADED = -3.0  # the log volume of a session without a trade, below all but a few others
VOLUME = "LineVolume"

Floats = NDArray[np.float32]
Positions = NDArray[np.int32]


class LineStore:
    """The scaled lines of all stocks and sessions so far, in the order that windows are cut from.

    Where a stock did not trade, a line is 0 (it stayed where it was) and the volume `NOT_TRADED`;
    so is every session before a stock was first listed or asked for.

    Parameters
    ----------
    sessions : int
        Length of a window, a multiple of `SESSIONS_PER_STEP`.

    Attributes
    ----------
    values : float32 array of shape (assets, sessions, lines)
        The first session of the data is at position ``sessions - 1``, so that a window may begin
        before it. There is spare room for further ones at the end.
    """

    def __init__(self, sessions: int = SESSIONS) -> None:
        self.sessions = sessions
        self.values: Floats = np.empty((0, 0, 0), dtype=np.float32)
        self._n_days = 0  # that are written
        self._room = (0, 0)

    def reserve(self, n_days: int, n_assets: int) -> None:
        """Say how many sessions and assets there will be, so that room is made for them once."""
        self._room = self.sessions - 1 + n_days, n_assets

    def update(self, history: FactorHistory, first: int, columns: NDArray[np.intp]) -> None:
        """Take over the sessions from position `first` of a history on, for some of its assets."""
        before = self.sessions - 1 + history.n_forgotten
        n_days, n_assets = before + len(history.dates), len(history.assets)
        rest = np.array([NOT_TRADED if c == VOLUME else 0.0 for c in history.columns])
        assets, room, _ = self.values.shape
        if n_days > room or n_assets > assets:
            room = max(n_days + n_days // 2 if n_days > room else room, self._room[0])
            grown = np.empty((max(n_assets, self._room[1]), room, len(rest)), dtype=np.float32)
            grown[assets:, : self._n_days] = rest
            if self.values.size:
                grown[:assets, : self._n_days] = self.values[:, : self._n_days]
            self.values = grown
        self.values[:, self._n_days : n_days] = rest
        self._n_days = n_days
        lines = history.values[first:].swapaxes(0, 1)[columns]  # (assets, sessions, lines)
        self.values[columns, before + first : n_days] = np.where(np.isnan(lines), rest, lines)


class Windows:
    """Rows of model input, each the lines of one stock over the sessions up to a date.

    An array-like of shape (n, steps, features) that holds positions only. ``windows[rows]`` selects
    rows and copies nothing; ``np.asarray(windows)`` cuts them all.

    Parameters
    ----------
    store : LineStore
    assets, days : int arrays of shape (n,)
        Positions in the history of the stock and of the last session.

    Attributes
    ----------
    shape : tuple of int
        (n, sessions / `SESSIONS_PER_STEP`, `SESSIONS_PER_STEP` * lines); the lines of a step's
        sessions stand one session after the other, the oldest first.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, store: LineStore, assets: NDArray[Any], days: NDArray[Any]) -> None:
        self.store = store
        self.assets: Positions = np.asarray(assets, dtype=np.int32)
        self.days: Positions = np.asarray(days, dtype=np.int32)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, steps, features."""
        n_steps = self.store.sessions // SESSIONS_PER_STEP
        return len(self.assets), n_steps, SESSIONS_PER_STEP * self.store.values.shape[2]

    def __len__(self) -> int:
        return len(self.assets)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (np.ndarray, slice, list)):
            return Windows(self.store, self.assets[key], self.days[key])
        return np.asarray(self)[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        if copy is False:
            raise ValueError("Windows are cut when they are asked for: there is no array to share.")
        source, starts = self.flat()
        cut = source[starts[:, None] + np.arange(self.store.sessions)]  # (n, sessions, lines)
        return cut.reshape(self.shape).astype(dtype or self.dtype, copy=False)

    def flat(self) -> tuple[Floats, NDArray[np.int64]]:
        """Return the store as (sessions of all stocks one after the other, lines), and the starts.

        Window i is so many rows of it from ``starts[i]`` on as a window has sessions.
        """
        values = self.store.values
        _, room, n_lines = values.shape
        starts = self.assets.astype(np.int64) * room + self.days
        return values.reshape(-1, n_lines), starts


def concatenated(parts: Sequence[Windows]) -> Windows:
    """Return the rows of several windows on one store as one."""
    return Windows(
        parts[0].store,
        np.concatenate([part.assets for part in parts]),
        np.concatenate([part.days for part in parts]),
    )


def line_of(feature: str) -> str:
    """Return the line of a feature that `step_names` named."""
    return feature.partition("-")[0]


def are_steps(columns: Sequence[str]) -> bool:
    """Say whether columns are the features of a step, as `step_names` names them."""
    lines = [name for name in columns if line_of(name) == name]
    return tuple(columns) == step_names(lines)


def step_names(lines: Sequence[str]) -> tuple[str, ...]:
    """Name the features of a step, oldest session first: ``LineOpen-2`` is two sessions back."""
    back = range(SESSIONS_PER_STEP - 1, -1, -1)
    return tuple(f"{line}-{days}" if days else line for days in back for line in lines)
