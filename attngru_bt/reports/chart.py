"""A chart as vectors in the page: an SVG that fills its box, with its labels as text around it.

The SVG is stretched to the width there is, and its lines are not (``non-scaling-stroke``); labels
are text of the page, so that they have the page's size on a phone and on paper. Colors are classes
of the stylesheet, which has light and dark ones. Values are read off by the page's script, from the
curves themselves; without scripts nothing is missing but that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike, NDArray

from attngru_bt.reports.scales import Dates, Form, Linear, Log, Places, Tick

WIDTH, HEIGHT = 10_000, 4_000
"""Units of the SVG: fine enough that values can be read off the curves."""

_PHONE = 38  # characters side by side in a chart on a phone
_LONGEST = 20  # of a name beside it

Scale = Linear | Log | Places


class Chart:
    """Curves, bars and dots on two scales.

    Parameters
    ----------
    x, y : Linear, Log or Places
        `y` may be `Places`, the first at the top: a row per name.
    height : int, default 230
        In pixels.
    label : str
        What is on the vertical axis, for readers who do not see it.
    """

    def __init__(self, x: Scale, y: Scale, *, height: int = 230, label: str = "") -> None:
        self.x, self.y = x, y
        self.height = height
        self.label = label
        self._marks: list[str] = []
        self._legend: list[tuple[str, str, str]] = []  # name, color, kind
        self._texts: list[str] = []

    # -- what is drawn ----------------------------------------------------------------------------

    def line(
        self, values: ArrayLike, name: str = "", color: str = "ink", *, kind: str = ""
    ) -> Chart:
        """Draw a curve, one value per place; NaN interrupt it.

        Kinds: "", "thin", "faint", "broken".
        """
        place = np.arange(len(np.asarray(values)))
        points = _path(self._across(place), self._down(values))
        form = getattr(self.y, "form", Form())
        read = f' data-name="{escape(name)}" data-form="{form}"' if name else ""
        self._marks.append(f'<path class="line {color} {kind}"{read} d="{points}"/>')
        if name:
            self._legend.append((name, color, kind))
        return self

    def area(self, values: ArrayLike, color: str) -> Chart:
        """Fill the room between a curve and 0."""
        x, y = self._across(np.arange(len(np.asarray(values)))), self._down(values)
        known = np.isfinite(y)
        if known.any():
            base = int(self._down([0.0])[0])
            first, last = x[known][[0, -1]]
            self._marks.append(
                f'<path class="area {color}" d="M{first:.0f} {base}'
                f'{_path(x[known], y[known]).replace("M", "L", 1)}L{last:.0f} {base}z"/>'
            )
        return self

    def bars(
        self,
        values: ArrayLike,
        name: str = "",
        color: str | Sequence[str] = "strategy",
        *,
        part: int = 0,
        parts: int = 1,
    ) -> Chart:
        """Draw bars from 0, one per place; `part` of `parts` that share the room.

        Parameters
        ----------
        values : array-like
        name : str
        color : str, or two: of values from 0 on, and below
        part, parts : int
        """
        array = np.asarray(values, dtype=np.float64)
        places = self.y if isinstance(self.y, Places) else self.x
        assert isinstance(places, Places)
        room = 1.0 / len(places)
        begin = np.arange(len(array)) * room + room * (0.1 + 0.8 * part / parts)
        wide = 0.8 * room / parts
        colors = (color, color) if isinstance(color, str) else tuple(color)
        read = f' data-name="{escape(name)}" data-v="{_listed(array)}"' if name else ""
        for kind, mine in ((colors[0], array >= 0), (colors[1], array < 0)):
            if mine.any():
                d = "".join(
                    self._bar(at, wide, value)
                    for at, value in zip(begin[mine], array[mine], strict=True)
                )
                form = f' data-form="{self._form()}"' if "data-v" in read else ""
                self._marks.append(f'<path class="bar {kind}"{read}{form} d="{d}"/>')
                # what is below 0 is another path, which is switched off with the first
                read = f' data-of="{escape(name)}"' if name else ""
        if name:
            self._legend.append((name, colors[0], "bar"))
        return self

    def level(self, value: float, color: str = "ink", *, kind: str = "thin") -> Chart:
        """Draw a line right across at a value."""
        if isinstance(self.y, Places):
            x = round(float(self.x.place(value)) * WIDTH)
            self._marks.append(f'<path class="line {color} {kind}" d="M{x} 0v{HEIGHT}"/>')
        else:
            y = round(float(self._down([value])[0]))
            self._marks.append(f'<path class="line {color} {kind}" d="M0 {y}h{WIDTH}"/>')
        return self

    def band(self, first: int, last: int, low: float, high: float, color: str) -> Chart:
        """Shade the room between two places and two values."""
        x0, x1 = self._across([first, last])
        y0, y1 = self._down([high, low])
        self._marks.append(
            f'<path class="area {color}" d="M{x0:.0f} {y0:.0f}H{x1:.0f}V{y1:.0f}H{x0:.0f}z"/>'
        )
        return self

    def spans(self, low: ArrayLike, high: ArrayLike, name: str, color: str) -> Chart:
        """Draw a broad line from `low` to `high` in each row."""
        x0, x1 = (self.x.place(v) * WIDTH for v in (low, high))
        y = self._rows(np.arange(len(x0)))
        d = "".join(
            f"M{a:.0f} {c:.0f}H{b:.0f}"
            for a, b, c in zip(x0, x1, y, strict=True)
            if np.isfinite(a + b)
        )
        self._marks.append(f'<path class="span {color}" d="{d}"/>')
        if name:
            self._legend.append((name, color, "span"))
        return self

    def dots(
        self, values: ArrayLike, name: str = "", color: str = "strategy", *,
        rows: ArrayLike | None = None, kind: str = "",
    ) -> Chart:  # fmt: skip
        """Draw a dot per row at a value. Kinds: "", "small", "tick"."""
        x = self.x.place(values) * WIDTH
        y = self._rows(np.arange(len(x)) if rows is None else np.asarray(rows))
        assert isinstance(self.y, Places)
        reach = round(HEIGHT / len(self.y) / 4)
        mark = f"m0-{reach}v{2 * reach}" if kind == "tick" else "h0"
        d = "".join(f"M{a:.0f} {b:.0f}{mark}" for a, b in zip(x, y, strict=True) if np.isfinite(a))
        self._marks.append(f'<path class="dot {color} {kind}" d="{d}"/>')
        if name:
            self._legend.append((name, color, "tick" if kind == "tick" else "dot"))
        return self

    def cells(self, table: NDArray[np.float64], color: str, most: float) -> Chart:
        """Shade a cell per row (of `y`) and place (of `x`) by its value; NaN and 0 are left empty.

        Parameters
        ----------
        table : ndarray of shape (n_rows, n_places)
        color : str
        most : float
            Value that is shaded fully; eight shades.
        """
        n_rows, n_places = table.shape
        wide, high = WIDTH / n_places, HEIGHT / n_rows
        shade = np.ceil(np.clip(np.nan_to_num(table) / most, 0.0, 1.0) * 8.0)
        for step in range(1, 9):
            parts = []
            for row in range(n_rows):
                inside = np.concatenate([[0], shade[row] == step, [0]])
                begin, end = (np.flatnonzero(np.diff(inside) == s) for s in (1, -1))
                y = round((row + 0.08) * high)
                for a, b in zip(begin, end, strict=True):
                    x0, x1 = round(a * wide), round(b * wide)
                    parts.append(f"M{x0} {y}h{x1 - x0}v{round(0.84 * high)}H{x0}z")
            if parts:
                self._marks.append(
                    f'<path class="cell {color}" opacity="{step / 8:g}" d="{"".join(parts)}"/>'
                )
        return self

    def text(self, at: float, value: float, text: str, kind: str = "") -> Chart:
        """Write beside a place (of `x`, or a value) and a value (of `y`, or a row)."""
        left = float(self.x.place([at])[0])
        top = float((self._rows if isinstance(self.y, Places) else self._down)([value])[0]) / HEIGHT
        self._texts.append(
            f'<span class="{kind}" style="left:{left:.2%};top:{top:.2%}">{escape(text)}</span>'
        )
        return self

    def first_last(self) -> Chart:
        """Turn the legend around: what is drawn last, on top, is named first."""
        self._legend.reverse()
        return self

    # -- the page's part --------------------------------------------------------------------------

    def html(self) -> Markup:
        """Return the chart as a part of a page."""
        left, below = self.y.ticks(), self._below()
        down = isinstance(self.y, Places)
        grid = "" if down else "".join(
            f"M0 {round((1 - t.place) * HEIGHT)}h{WIDTH}" for t in left
        )  # fmt: skip
        if not isinstance(self.x, Places):
            grid += "".join(f"M{round(t.place * WIDTH)} 0v{HEIGHT}" for t in below)
        beside = "".join(
            f'<span style="top:{t.place if down else 1 - t.place:.2%}">{escape(t.text)}</span>'
            for t in left
        )
        under = "".join(
            f'<span{_minor(t)} style="left:{_within(t)}">{escape(t.text)}</span>' for t in below
        )
        named = f' role="group" aria-label="{escape(self.label)}"' if self.label else ""
        # all labels once more, of no height: they make room for the widest
        room = "<br>".join(str(escape(t.text)) for t in left)
        return Markup(
            f'<div class="chart{" rows" if down else ""}" style="--high:{self.height}px">'
            f"{self._legend_html()}"
            f'<div class="beside"><i>{room}</i>{beside}</div>'
            f'<div class="plot"{named}{self._read()}>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
            f'<path class="raster" d="{grid}"/>{"".join(self._marks)}</svg>'
            f"{''.join(self._texts)}</div>"
            f'<div class="below">{under}</div></div>'
        )

    def _below(self) -> list[Tick]:
        """Return the labels below; beside short names there is more room for them on a phone."""
        if not (isinstance(self.x, Linear) and isinstance(self.y, Places)):
            return self.x.ticks()
        names = max((len(tick.text) for tick in self.y.ticks()), default=0)
        return self.x.ticks(_PHONE - min(names, _LONGEST))

    def _legend_html(self) -> str:
        shown = dict.fromkeys(self._legend)
        if len(shown) < 2 and not any(kind == "broken" for _, _, kind in shown):
            return ""
        items = "".join(
            f'<li><b class="key {color} {kind}"></b>{escape(name)}</li>'
            for name, color, kind in shown
        )
        return f'<ul class="legend">{items}</ul>'

    def _read(self) -> str:
        """Return what the script needs to read values off the curves."""
        if not isinstance(self.x, Places) or isinstance(self.y, Places) or not len(self.x):
            return ""
        assert isinstance(self.y, (Linear, Log))
        ends = f' data-y="{self.y.kind} {self.y.low:.6g} {self.y.high:.6g}"'
        if isinstance(self.x, Dates):
            days = self.x.dates.to_numpy().astype("datetime64[D]").astype(int)
            steps = " ".join(map(str, np.diff(days, prepend=0)))
            return f'{ends} data-days="{steps}"'
        return f'{ends} data-names="{escape("|".join(n.replace("|", "/") for n in self.x.names))}"'

    def _form(self) -> Form:
        scale = self.x if isinstance(self.y, Places) else self.y
        return scale.form if isinstance(scale, (Linear, Log)) else Form()

    def _across(self, positions: ArrayLike) -> NDArray[np.float64]:
        return np.round(self.x.place(positions) * WIDTH)

    def _down(self, values: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(np.round((1.0 - self.y.place(values)) * HEIGHT))

    def _rows(self, positions: ArrayLike) -> NDArray[np.float64]:
        return np.round(self.y.place(positions) * HEIGHT)

    def _bar(self, begin: float, wide: float, value: float) -> str:
        if isinstance(self.y, Places):
            x0, x1 = (round(float(self.x.place(v)) * WIDTH) for v in (0.0, value))
            y, high = round(begin * HEIGHT), max(round(wide * HEIGHT), 1)
            return f"M{x0} {y}H{x1}v{high}H{x0}z"
        y0, y1 = (int(y) for y in self._down([0.0, value]))
        x, across = round(begin * WIDTH), max(round(wide * WIDTH), 1)
        return f"M{x} {y0}V{y1}h{across}V{y0}z"


def _minor(tick: Tick) -> str:
    return ' class="minor"' if tick.minor else ""


def _within(tick: Tick) -> str:
    """Return where the middle of a label is: at an end the label stays within the chart."""
    half = f"{len(tick.text) / 2:g}ch"
    return f"clamp({half},{tick.place:.2%},100% - {half})"


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Path through points, with whole steps from one to the next; NaN interrupt it."""
    known = np.concatenate([[0], np.isfinite(y), [0]])
    begin, end = (np.flatnonzero(np.diff(known) == step) for step in (1, -1))
    parts = []
    for a, b in zip(begin, end, strict=True):
        points = np.column_stack([x[a:b], y[a:b]]).astype(np.int64)
        parts.append(f"M{points[0, 0]} {points[0, 1]}")
        steps: list[Any] = np.diff(points, axis=0).ravel().tolist()
        # "l4-12 3 5": a minus sign parts two numbers as well as a space does
        parts.append("l" + " ".join(map(str, steps)).replace(" -", "-") if steps else "h0")
    return "".join(parts)


def _listed(values: NDArray[np.float64]) -> str:
    return " ".join("" if np.isnan(v) else f"{v:.6g}" for v in values)
