"""Signals: a month-end in, a score per stock out."""

from attngru_bt.signals.generator import SignalGenerator
from attngru_bt.signals.record import MonthRecord

__all__ = ["MonthRecord", "SignalGenerator"]
