"""Whether a function can keep anything from one call to the next."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

KEEPING = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR")
CONSTANT = (str, bytes, int, float, complex, tuple, frozenset, type(None), type, ModuleType)


def remembers(function: Callable[..., Any], ours: Callable[[Any], bool]) -> bool:
    """Whether a function reads or writes anything that outlives a call.

    That is a mutable global, variable of an enclosing function or default value (a dictionary, a
    list, an array, a table, a cache), in the function or in other functions of the user that it
    calls. What imported modules keep is not looked at.

    Parameters
    ----------
    function : callable
    ours : callable
        Object → whether it is known to keep nothing, see `fresh.is_ours`.
    """
    to_visit: list[Any] = [function]
    visited: set[int] = set()
    while to_visit:
        current = to_visit.pop()
        if id(current) in visited or ours(current) or isinstance(current, BuiltinFunctionType):
            continue
        visited.add(id(current))
        if not isinstance(current, FunctionType):
            # It is a class, or else a cache around a function or an object with __call__.
            return not isinstance(current, type)
        steps = (step for code in _codes(current) for step in dis.get_instructions(code))
        if any(step.opname in KEEPING for step in steps):
            return True
        for value in _reached(current):
            if isinstance(value, FunctionType):
                to_visit.append(value)
            elif not isinstance(value, (*CONSTANT, BuiltinFunctionType)) and not (
                callable(value) and ours(value)
            ):
                return True
    return False


def _codes(function: FunctionType) -> Iterator[CodeType]:
    """Yield the code of a function and of the functions that are defined inside it."""
    to_visit = [function.__code__]
    while to_visit:
        code = to_visit.pop()
        yield code
        to_visit += [inner for inner in code.co_consts if isinstance(inner, CodeType)]


def _reached(function: FunctionType) -> Iterator[Any]:
    """Yield the objects outside a call that a function can reach."""
    names = {name for code in _codes(function) for name in code.co_names}
    yield from (function.__globals__[name] for name in names if name in function.__globals__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # the variable has no value yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
