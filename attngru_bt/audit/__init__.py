"""The look-ahead audit: whether data, factors, scores or orders know what nobody could know.

`run` makes all checks on a market and returns a `Report`; `assert_causal` tests a single factor of
your own. There is one check per file.
"""

from __future__ import annotations

from attngru_bt.audit.auditor import CHECKS, run
from attngru_bt.audit.causal import assert_causal
from attngru_bt.audit.report import AuditReport, Check, Finding

Report = AuditReport

__all__ = ["CHECKS", "Check", "Finding", "Report", "assert_causal", "run"]
