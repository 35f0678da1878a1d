"""The look-ahead audit: whether data, factors, scores or orders know what nobody could know.

`run` puts a market through all checks and answers a `Report`; `assert_causal` is the test of a
factor of one's own. One check per file.
"""

from __future__ import annotations

from attngru_bt.audit.auditor import CHECKS, run
from attngru_bt.audit.causal import assert_causal
from attngru_bt.audit.report import Check, Finding, Report

__all__ = ["CHECKS", "Check", "Finding", "Report", "assert_causal", "run"]
