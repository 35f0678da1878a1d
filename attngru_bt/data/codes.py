"""Names of stocks as vendors spell them: codes of Chinese stocks, and which names are one stock."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attngru_bt.data.bars import DataError

FORMS = re.compile(
    r"(?P<before>sh|sz|bj)?\.?(?P<digits>\d{6})(?:\.(?P<after>sh|sz|bj|ss|xshg|xshe))?",
    re.IGNORECASE,
)
EXCHANGES = {"SH": "SH", "SS": "SH", "XSHG": "SH", "SZ": "SZ", "XSHE": "SZ", "BJ": "BJ"}
CHINESE = ("sse50", "csi300", "csi500")
INDEXES = {
    "sse50": "000016.SH", "csi300": "000300.SH", "csi500": "000905.SH",
    "sp500": "^GSPC", "nasdaq100": "^NDX", "dow30": "^DJI",
}  # fmt: skip
"""The universes that have a name, and the symbols of their indexes."""


def code(text: str) -> str:
    """Return our spelling of a stock: ``600000.SH``, ``000001.SZ``, ``430047.BJ``.

    Accepts 600000, 600000.SH, 600000.SS, 600000.XSHG, sh600000 and sh.600000. If the exchange is
    missing, the digits tell it: 5, 6 and 9 are Shanghai, 4, 8 and 92 Beijing, all others Shenzhen.

    Raises
    ------
    ValueError
        If the text is not a code.
    """
    match = FORMS.fullmatch(text.strip())
    if match is None or (match["before"] and match["after"]):
        raise ValueError(
            f"{text!r} is no code of a Chinese stock; write 600000.SH, 000001.SZ or 430047.BJ."
        )
    digits = match["digits"]
    exchange = match["before"] or match["after"]
    if exchange:
        return f"{digits}.{EXCHANGES[exchange.upper()]}"
    if digits[0] in "48" or digits.startswith("92"):
        return f"{digits}.BJ"
    return f"{digits}.{'SH' if digits[0] in '569' else 'SZ'}"


def with_prefix(symbol: str, dot: str = "") -> str:
    """Return ``600000.SH`` as ``sh600000``, or ``sh.600000`` with a dot."""
    digits, exchange = symbol.split(".")
    return f"{exchange.lower()}{dot}{digits}"


_CLASS = re.compile(r"([A-Z]{1,5})[.\-/ ]([A-Z]{1,2})")  # BRK.B, BRK-B, BRK/B


def same_stock(name: str) -> str:
    """Return a text that is the same for all spellings of a stock.

    Examples
    --------
    >>> same_stock("sh.600000"), same_stock("600000.SS"), same_stock("SH600000")
    ('600000.SH', '600000.SH', '600000.SH')
    >>> same_stock("BRK-B"), same_stock("brk.b.us"), same_stock("AAPL.US"), same_stock("aapl")
    ('BRK.B', 'BRK.B', 'AAPL', 'AAPL')
    """
    try:
        return code(name)
    except ValueError:
        text = name.strip().upper().removesuffix(".US")
        match = _CLASS.fullmatch(text)
        return f"{match[1]}.{match[2]}" if match else text


def other_spellings(names: Iterable[str], known: Iterable[str], source: str) -> dict[str, str]:
    """Return how names are spelled among the known ones, of those that are spelled otherwise.

    Parameters
    ----------
    names, known : iterable of str
    source : str
        Where `names` stand, for messages.

    Returns
    -------
    dict of str to str
        Without names that are known as they are, or are no other spelling of a known one.

    Raises
    ------
    DataError
        If a name is another spelling of two known ones, or one that has lost its zeros.

    Examples
    --------
    >>> other_spellings(["sh.600000", "AAPL", "X"], ["600000.SH", "AAPL"], "`scores`")
    {'sh.600000': '600000.SH'}
    """
    known = list(known)
    unknown = sorted(set(names) - set(known))
    spellings: dict[str, list[str]] = {}
    for name in known if unknown else ():
        spellings.setdefault(same_stock(name), []).append(name)
    renamed = {}
    for name in unknown:
        same = spellings.get(same_stock(name), [])
        if len(same) > 1:
            raise DataError(
                f"{source}: {name} may be {same[0]} or {same[1]}, which both have bars; write "
                "it as the one that is meant."
            )
        if same:
            renamed[name] = same[0]
        elif name.isdecimal() and same_stock(name.zfill(6)) in spellings:
            raise DataError(
                f"{source}: {name} has lost the zeros in front of it; write it with six digits, as "
                f"text, if {spellings[same_stock(name.zfill(6))][0]} is meant, else leave it out."
            )
    return renamed


def is_code(name: str) -> bool:
    """Tell whether a name is the code of a Chinese stock, with its exchange or without."""
    match = FORMS.fullmatch(name.strip())
    return match is not None and not (match["before"] and match["after"])
