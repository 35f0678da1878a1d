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

    That is a global, a variable of an enclosing function or a default that can change (a
    dictionary, a list, an array, a table, a cache), in itself or in functions of the same kind
    that it calls. What imported modules keep is not looked at.

    Parameters
    ----------
    function : callable
    ours : callable
        Thing -> whether it is known to keep nothing, see `fresh.is_ours`.
    """
    todo: list[Any] = [function]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if id(one) in seen or ours(one) or isinstance(one, BuiltinFunctionType):
            continue
        seen.add(id(one))
        if not isinstance(one, FunctionType):
            return not isinstance(one, type)  # a cache around a function, an object with __call__
        if any(
            step.opname in KEEPING for code in _codes(one) for step in dis.get_instructions(code)
        ):
            return True
        for value in _reached(one):
            if isinstance(value, FunctionType):
                todo.append(value)
            elif not isinstance(value, (*CONSTANT, BuiltinFunctionType)) and not (
                callable(value) and ours(value)
            ):
                return True
    return False


def _codes(function: FunctionType) -> Iterator[CodeType]:
    """Code of a function and of those defined inside it."""
    todo = [function.__code__]
    while todo:
        code = todo.pop()
        yield code
        todo += [inner for inner in code.co_consts if isinstance(inner, CodeType)]


def _reached(function: FunctionType) -> Iterator[Any]:
    """Yield what a function can reach outside its call."""
    names = {name for code in _codes(function) for name in code.co_names}
    yield from (function.__globals__[name] for name in names if name in function.__globals__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
