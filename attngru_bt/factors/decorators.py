"""`factor` and `step`: the decorators that turn a function of lines into a factor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attngru_bt import checks
from attngru_bt.factors.declaration import CLOCKS, MEMORIES, Factor
from attngru_bt.factors.registry import Registry, registry

Function = TypeVar("Function", bound=Callable[..., Any])
Span = int | Callable[..., int]  # a number of bars, or a function of the windows that gives it


def factor(
    family: str,
    *,
    lookback: Span | None = None,
    history: Span | None = None,
    memory: str = "finite",
    degree: int = 0,
    volume_degree: int = 0,
    amount_degree: int = 0,
    clock: str = "traded",
    windows: Mapping[str, int | Mapping[str, float]] | None = None,
    lines: Sequence[str] = (),
    default: bool = True,
    step: bool = False,
    stands_for: str | None = None,
    replace: bool = False,
    into: Registry | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a factor; the function is returned unchanged.

    Parameters
    ----------
    family : str
        "momentum", "technical", "trading", "sentiment", "value" or a family of your own.
    lookback : int or function of the windows, optional
        Number of bars of the *direct* inputs, the current one included, that determine the value;
        the bars that the inputs look back on are added. Default: the largest window.
    history : int or function of the windows, optional
        Number of bars of the direct inputs that are needed for a value. Default: the look-back, or
        with exponential memory the largest window.
    memory : {"finite", "ema", "cumulative"}, default="finite"
        "cumulative" depends on the whole history; such factors are off by default.
    degree, volume_degree, amount_degree : int, default=0
        How the value scales with prices, volume and traded amount. A model gets the value divided
        by the close (the usual volume, the usual amount) to these powers.
    clock : {"traded", "calendar"}, default="traded"
        "traded": days without a trade are dropped. "calendar": every session counts; the close is
        carried forward over suspensions, and other lines are NaN there.
    windows : mapping, optional
        Registers one function under several names: `{"MA5": 5, "MA10": 10}` sets the parameter
        `n`; a mapping as value sets several parameters. Default: one factor, named like the
        function.
    lines : sequence of str
        Lines of your own data that the function takes.
    default : bool, default=True
        Whether models use the factor by default.
    step : bool, default=False
        Register an intermediate result for other factors instead of a factor.
    stands_for : str, optional
        Line that this step replaces in bars without it.
    replace : bool, default=False
        Replace a factor of the same name.
    into : Registry, optional
        Where to register; default: the registry of this library.

    Raises
    ------
    ValueError
        If the name is taken, an input is unknown, or an option has an unknown value.

    Examples
    --------
    >>> from attngru_bt.factors import factor, ops
    >>> @factor(family="mine", lookback=lambda n: n + 1)
    ... def Momentum15(close, n=15):
    ...     "Change of the close over 15 days."
    ...     return close / ops.lag(close, n) - 1
    """
    target = registry if into is None else into
    checks.one_of("memory", memory, MEMORIES)
    checks.one_of("clock", clock, CLOCKS)

    def register(function: Function) -> Function:
        parameters = inspect.signature(function).parameters
        named = windows if windows is not None else {function.__name__: {}}
        for name, given in named.items():
            values = dict(given) if isinstance(given, Mapping) else {"n": given}  # its windows
            for option in values:
                if option not in parameters:
                    raise ValueError(
                        f"Factor {name!r} sets the window {option!r}, which "
                        f"{function.__name__} does not take{checks.nearest(option, parameters)}"
                    )
            # other parameters: without a default a line or factor, None if it may be missing, and
            # with a number one more window
            inputs, optional = [], []
            for key, parameter in parameters.items():
                if key in values:
                    continue
                if parameter.default is inspect.Parameter.empty:
                    inputs.append(key)
                elif parameter.default is None:
                    optional.append(key)
                else:
                    values[key] = parameter.default
            # a look-back that is not declared is that of the widest window
            spans = [int(v) for v in values.values() if float(v).is_integer() and v >= 1]
            widest = max(spans, default=1)
            own_lookback = _resolve(lookback, values, widest)
            own_history = _resolve(history, values, own_lookback if memory == "finite" else widest)
            total, begin, kind = target.compose(
                (*inputs, *optional),
                None if memory == "cumulative" else own_lookback,
                own_history,
                memory,
            )
            target.add(
                Factor(
                    name, family, function, tuple(inputs), tuple(optional), values, total, begin,
                    kind, degree, volume_degree, amount_degree, clock,
                    default and kind != "cumulative", step, tuple(lines), stands_for,
                    None if memory == "cumulative" else own_lookback,
                ),
                replace=replace,
            )  # fmt: skip
        return function

    return register


def step(
    *,
    lookback: Span | None = None,
    history: Span | None = None,
    memory: str = "finite",
    windows: Mapping[str, int | Mapping[str, float]] | None = None,
    stands_for: str | None = None,
    into: Registry | None = None,
) -> Callable[[Function], Function]:
    """Register an intermediate result that several factors share and that is computed once.

    The parameters are those of `factor`. A step runs on the clock of the factor that uses it.
    """
    return factor(
        "step", lookback=lookback, history=history, memory=memory, windows=windows,
        stands_for=stands_for, step=True, into=into,
    )  # fmt: skip


def _resolve(bars: Span | None, windows: Mapping[str, float], default: int) -> int:
    """Return a number of bars that may be given as a function of the windows."""
    if bars is None:
        return default
    if not callable(bars):
        return int(bars)
    names = inspect.signature(bars).parameters
    return int(bars(**{name: windows[name] for name in names if name in windows}))
