"""The panel: the cross-sections of all month-ends so far, taken as they become known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.beside import Beside
from attngru_bt.data.late import known_too_late
from attngru_bt.data.membership import Universe
from attngru_bt.data.schedule import MONTH, Schedule
from attngru_bt.factors import FactorHistory
from attngru_bt.features.covariance import RunningCovariance
from attngru_bt.features.cross_section import CrossSection, step_positions
from attngru_bt.features.digest import section_digest
from attngru_bt.features.exposures import exposures
from attngru_bt.features.foresight import Watch, warn
from attngru_bt.features.labels import FloatArray, forward_returns
from attngru_bt.features.roster import Roster, RowWeights, given_weights
from attngru_bt.features.rows import row_frame
from attngru_bt.features.standardizer import normalized
from attngru_bt.features.threads import one_thread
from attngru_bt.features.windows import LineStore, Windows, step_names

WEEK = Schedule("week")
HORIZON = 20  # sessions over which the outcome of rows between month-ends is taken


class Panel:
    """Cross-sections of the universe, month-end after month-end.

    Parameters
    ----------
    history : FactorHistory
        Computes the factors, new days only.
    universe : object with ``at(date)`` or None
        Who may be held; None: every asset with a bar at the month-end.
    lookback, step
        See `Recipe`.
    normalize : bool
        Winsorize and z-score each step among the stocks of its own cross-section. No later month
        can change the result, so it is computed once.
    train_on : object with ``at(date)``, "all" or "members", default "members"
        Which stocks beside the universe are trained on; "all" is every stock with a bar that has
        had 60 of them.
    beside : Beside or None, default None
        Whose stocks are trained on as well; `train_on` is about all of them then.
    within : str or None, default None
        Line within whose deciles returns are ranked; "size" is the market value, "auto" the same if
        more than the members are trained on and the data have it. "members": among the returns of
        the members instead.
    row_weights : "size", "auto", callable or None, default None
        Keep the market value, which rows are weighted by, or the weights that a callable gives.
    view : {"factors", "lines"}, default "factors"
        With "lines" the values of a cross-section are `Windows` on the history.
    sample : "month", "week" or int, default "month"
        When rows are taken that are trained on: at month-ends; or on the first session of each week
        or every so many sessions, with the return over the next `HORIZON` sessions.
    schedule : Schedule, default month-ends
        The sessions of the cross-sections; they stand for month-ends throughout.
    exposures : iterable of str, default ()
        Which `exposures` to measure; more may be added before the first month-end is taken.

    Attributes
    ----------
    sections : list of CrossSection
        The last one has no returns yet.
    """

    def __init__(
        self,
        history: FactorHistory,
        *,
        universe: Universe | None,
        lookback: int,
        step: str,
        normalize: bool,
        train_on: Universe | str = "members",
        within: str | None = None,
        row_weights: str | RowWeights | None = None,
        view: str = "factors",
        sample: int | str = "month",
        schedule: Schedule = MONTH,
        exposures: Iterable[str] = (),
        beside: Beside | None = None,
    ) -> None:
        self.history = history
        self.roster = Roster(universe, train_on)
        self.lookback = lookback
        self.step = step
        self.normalize = normalize
        self.within = within
        self.row_weights = row_weights
        self.view = view
        self.sample = sample
        self.schedule = schedule
        self.exposures = set(exposures)
        self.beside = beside
        self.sections: list[CrossSection] = []
        self._digests: list[str] = []
        self._dates = pd.DatetimeIndex([])
        self._last_close = np.empty(0)  # carried over suspensions
        self._lines = LineStore(lookback) if view == "lines" else None
        self._left_out: frozenset[str] | None = None  # lines that are known too late
        self._open: list[tuple[int, CrossSection]] = []  # samples, by the day of their outcome
        self._ended: list[CrossSection] = []  # those whose outcome is known since the month-end
        self._watch = Watch(history.names)

    def extend(self, bars: Bars) -> CrossSection:
        """Take the cross-sections that have become known; label the months that have ended.

        A line of the bars that knows the future, by what is known of it so far, is named in a
        warning once.

        Parameters
        ----------
        bars : Bars
            Everything known at the month-end they end on; they continue those of the call before.

        Returns
        -------
        CrossSection
            That of the last month-end.

        Raises
        ------
        DataError
            If there are no bars, or they do not continue those of the call before.
        """
        if not len(bars):
            raise DataError("No bars yet: a month-end needs at least one session to look back on.")
        return self.take(self.join(bars))

    def expect(self, bars: Bars) -> None:
        """Make room for all bars that are going to come, so that none is made in haste later."""
        if self._lines is not None:
            self._lines.reserve(len(bars), len(bars.assets))

    def join(self, bars: Bars, first: pd.Timestamp | None = None) -> Bars:
        """Return the bars with those of the market beside them, up to the same day.

        A line of the market that no asset has a value of by the first month-end is left out from
        then on, as if the data did not have it: that it begins later is not known then.

        Parameters
        ----------
        bars : Bars
        first : Timestamp, default None
            The first month-end; None: that on which the bars of the first call end.
        """
        joined = bars if self.beside is None else self.beside.join(bars)
        if self._left_out is None:
            self._left_out = known_too_late(joined, joined.dates[-1] if first is None else first)
        return joined.without(self._left_out)

    def take(self, bars: Bars) -> CrossSection:
        """Take the cross-sections of bars that are joined already; see `extend`."""
        seen = len(self._dates)
        if len(bars) <= seen or not bars.dates[:seen].equals(self._dates):
            raise DataError(
                f"Bars must continue those of the call before, which ended on "
                f"{self._dates[-1].date()}; got {len(bars)} sessions up to "
                f"{bars.dates[-1].date()}. Start afresh with sklearn.base.clone(generator)."
            )
        ends = self.schedule.ends(bars.dates)
        asked = {end: self.asks(bars, end) for end in self.due(bars.dates, seen)}
        needed = np.unique(np.concatenate([steps for steps, _ in asked.values()]))
        needed = needed[needed >= 0]
        wanted = np.unique(np.concatenate([columns for _, columns in asked.values()]))
        names = [bars.assets[i] for i in wanted]
        self.history.extend(bars, bars.dates[needed], names)
        if self._lines is not None:
            first = int(self.history.dates.get_indexer(bars.dates[needed[:1]])[0])
            self._lines.update(self.history, first, wanted)
        last_steps = asked[len(bars) - 1][0]

        close = bars["close"]
        self._last_close = np.append(
            self._last_close, np.full(close.shape[1] - len(self._last_close), np.nan)
        )
        column = {asset: i for i, asset in enumerate(bars.assets)}
        month_end = set(ends)
        samples = set(self._samples(bars.dates, seen).tolist())
        for day in range(seen, len(bars)):
            known = ~np.isnan(close[day])
            self._last_close[known] = close[day][known]  # carried over suspensions
            while self._open and self._open[0][0] == day:
                sample = self._open.pop(0)[1]
                self._label(sample, column)
                self._ended.append(sample)
            if day in samples:
                section = self._cross_section(bars, day, *asked[day])
                self._open.append((day + HORIZON, section))
            if day in month_end:
                if self.sections:
                    self._label(self.sections[-1], column)
                section = self._cross_section(bars, day, *asked[day])
                section.exposures = self._measured(bars, day, section)
                section.samples, self._ended = self._ended, []
                self.sections.append(section)
        self._dates = bars.dates
        # cross-sections have copies, and later ones look back no further than the last one
        self.history.forget(bars.dates[last_steps[last_steps >= 0][0]])
        warn(self._watch.extend(bars))
        return self.sections[-1]

    def due(self, dates: pd.DatetimeIndex, seen: int) -> list[int]:
        """Positions from `seen` on at which a cross-section is taken, to be scored or trained on.

        Parameters
        ----------
        dates : DatetimeIndex
            Sessions up to a month-end.
        seen : int
        """
        ends = self.schedule.ends(dates)
        return np.union1d(ends[ends >= seen], self._samples(dates, seen)).astype(int).tolist()

    def _samples(self, dates: pd.DatetimeIndex, seen: int) -> NDArray[np.intp]:
        """Positions from `seen` on of the sessions between month-ends that are trained on."""
        if self.sample == "month":
            return np.empty(0, dtype=np.intp)
        days = np.arange(seen, len(dates))
        if self.sample != "week":
            return days[days % int(self.sample) == 0]
        weeks = WEEK.units(dates[max(seen - 1, 0) :])
        begun = weeks[1:] != weeks[:-1]  # of each session but the first
        return days[begun if seen else np.append(True, begun)]

    def _label(self, section: CrossSection, column: Mapping[str, int]) -> None:
        """Give a cross-section its outcome, from the closes that are known last."""
        rows = [column[asset] for asset in section.assets]
        section.returns = forward_returns(section.close, self._last_close[rows])

    def asks(self, bars: Bars, end: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Say what the cross-section of a month-end is made of.

        Parameters
        ----------
        bars : Bars
        end : int
            Position of the month-end; nothing after it is looked at.

        Returns
        -------
        steps : ndarray of shape (lookback,)
            Positions of its dates, oldest first; -1 = before the data.
        columns : ndarray of int
            Assets with a bar that may be held or are trained on, by name.
        """
        wanted = self._members(bars, end) | self.roster.trained_on(bars, end)
        wanted &= ~np.isnan(bars["close"][end])
        # sorted by name, so that the order of the feeds changes nothing
        candidates = sorted((bars.assets[i], int(i)) for i in np.flatnonzero(wanted))
        columns = np.array([i for _, i in candidates], dtype=np.intp)
        steps = step_positions(bars.dates, end, self.lookback, self.step, self.schedule)
        return steps, columns

    def _members(self, bars: Bars, end: int) -> NDArray[np.bool_]:
        """Which assets may be held at a date: none of a market beside the feeds."""
        return self.roster.members(bars, end, None if self.beside is None else self.beside.fed)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features of a step."""
        names = self.history.columns
        return names if self._lines is None else step_names(names)

    def digest(self) -> str:
        """Digest of all cross-sections so far and of what came of them."""
        return self.digests()[-1]

    def digests(self) -> list[str]:
        """Digest of what was known at each month-end so far."""
        for i in range(len(self._digests), len(self.sections)):
            before = self._digests[-1] if i else ""
            previous = self.sections[i - 1] if i else None
            self._digests.append(section_digest(before, previous, self.sections[i]))
        return self._digests

    def _cross_section(
        self, bars: Bars, end: int, steps: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> CrossSection:
        """Factors of the universe at one month-end, normalized among themselves if asked to."""
        present = steps >= 0
        days = self.history.dates.get_indexer(bars.dates[steps[present]])
        if self.history.columns:
            known = ~np.isnan(self.history.values[days[-1], columns]).all(axis=1)
            columns = columns[known]
        values: Any
        if self._lines is not None:
            last = self.history.n_forgotten + days[-1]
            values = Windows(self._lines, columns, np.full(len(columns), last))
        else:
            values = np.full(
                (len(columns), len(steps), len(self.history.columns)), np.nan, dtype=np.float32
            )
            picked = self.history.values[days[:, None], columns[None, :]]  # (steps, n, factors)
            values[:, present] = picked.transpose(1, 0, 2)  # (n, steps, factors)
        if self.normalize and len(values):
            values[:, present] = normalized(
                values[:, present], bars.dates[steps[present]], self.history.columns
            )
        section = CrossSection(
            date=bars.dates[end],
            assets=tuple(bars.assets[i] for i in columns),
            columns=self.columns,
            values=values,
            close=bars["close"][end][columns],
        )
        member = self._members(bars, end)[columns]
        section.member = None if member.all() else member
        section.among_members = self.within == "members"
        if not section.among_members:
            within = self.roster.line("within", self.within, bars, end)
            section.within = None if within is None else within[columns]
        if callable(self.row_weights):
            members = section.members().assets
            past = bars.until(section.date)
            section.weights = given_weights(self.row_weights, members, past, section.assets)
        else:
            size = self.roster.line("row_weights", self.row_weights, bars, end)
            section.size = None if size is None else size[columns]
        if self.normalize and len(section):  # no later month changes these values
            with one_thread():
                section.moments = RunningCovariance(section.columns).add(row_frame([section]))
        return section

    def _measured(self, bars: Bars, end: int, section: CrossSection) -> dict[str, FloatArray]:
        """Exposures of a cross-section that is scored."""
        position = {asset: i for i, asset in enumerate(bars.assets)}
        columns = np.array([position[asset] for asset in section.assets], dtype=np.intp)
        member = np.ones(len(section), dtype=bool) if section.member is None else section.member
        return exposures(self.exposures, bars, end, columns, member)
