"""Signals: a month-end in, a score per stock out."""

from attngru_bt.signals.checkpoint import Checkpoints
from attngru_bt.signals.fit import Fit
from attngru_bt.signals.generator import SignalGenerator
from attngru_bt.signals.record import MonthRecord

__all__ = ["Checkpoints", "Fit", "MonthRecord", "SignalGenerator"]
