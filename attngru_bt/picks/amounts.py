"""How numbers of shares and differences in currency are shown in tables."""

from __future__ import annotations

from attngru_bt.reports.tables import decimals, number, whole


def shares(value: float) -> str:
    """Show a number of shares: whole, or with four decimals if it is a fraction."""
    return whole(value) if value == round(value) else decimals(value, 4)


def signed(value: float) -> str:
    """Show a difference with two decimals and its sign; none on what rounds to 0."""
    text = number(value)
    return f"+{text}" if value > 0 and text != "0.00" else text
