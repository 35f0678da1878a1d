"""The result of an audit: findings, checks, and the report of all checks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt import checks

STATUSES = ("pass", "fail", "skipped")
SHOWN = 20
"""Largest number of findings of a check that are written to JSON, besides how many there are."""


@dataclass(frozen=True)
class Finding:
    """A single problem.

    Attributes
    ----------
    sentence : str
        What is wrong, with its figures.
    symbol : str or None
        The asset concerned, if there is one.
    date : Timestamp or None
        The first date concerned, if there is one.
    subject : str or None
        The factor, line or figure concerned.
    """

    sentence: str
    symbol: str | None = None
    date: pd.Timestamp | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
    status : {"pass", "fail", "skipped"}
        "skipped": the check was left out, or is not possible with these data; `summary` says why.
    summary : str
        One sentence: what was compared, and the result.
    findings : tuple of Finding
        In order of date; empty unless the check failed.
    """

    name: str
    status: str
    summary: str
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        """Refuse findings of a check that did not fail, and a fail without findings."""
        checks.one_of("status", self.status, STATUSES)
        if bool(self.findings) != (self.status == "fail"):
            raise ValueError(f"Check {self.name!r}: findings are what a fail has, and only a fail.")

    @property
    def first(self) -> Finding | None:
        """The first finding; None if there are none."""
        return self.findings[0] if self.findings else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the first twenty findings."""
        return {
            "name": self.name,
            "status": self.status,
            "summary": self.summary,
            "n_findings": len(self.findings),
            "findings": [
                {
                    "symbol": f.symbol,
                    "date": None if f.date is None else f"{f.date:%Y-%m-%d}",
                    "subject": f.subject,
                    "sentence": f.sentence,
                }
                for f in self.findings[:SHOWN]
            ],
        }


@dataclass(frozen=True)
class Report:
    """All checks of an audit.

    Attributes
    ----------
    data : str
        Name of the market.
    checks : tuple of Check
        In the order in which they were made.
    """

    data: str
    checks: tuple[Check, ...]

    def __getitem__(self, name: str) -> Check:
        """Return the check of that name; a KeyError lists all names."""
        for check in self.checks:
            if check.name == name:
                return check
        names = ", ".join(check.name for check in self.checks)
        raise KeyError(f"no check {name!r} in this audit; there are {names}")

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.status == "fail")

    @property
    def passed(self) -> bool:
        """Whether no check failed; skipped ones do not count."""
        return not self.failed

    @property
    def verdict(self) -> str:
        """How many checks passed, failed and were skipped, in words."""
        count = [sum(check.status == status for check in self.checks) for status in STATUSES]
        return f"{count[0]} passed, {count[1]} failed, {count[2]} skipped"

    def write_json(self, path: str | Path) -> Path:
        """Write `as_dict` to a file, in one step; return its path."""
        from attngru_bt.reports.output import as_json, write

        return write(Path(path), as_json(self.as_dict()))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "data": self.data,
            "passed": self.passed,
            "checks": [check.as_dict() for check in self.checks],
        }

    def _repr_html_(self) -> str:
        """Show the verdict above a row per check, with the first finding of each that failed."""
        rows = []
        for check in self.checks:
            first = f" First: {check.first.sentence}" if check.first is not None else ""
            rows.append((check.status, check.name, check.summary + first))
        table = pd.DataFrame(rows, columns=["Status", "Check", "What was found"])
        with pd.option_context("display.max_colwidth", None):
            shown = table.to_html(index=False)
        # notebooks align cells to the right, as suits numbers
        for tag in ("th", "td"):
            shown = shown.replace(f"<{tag}>", f'<{tag} style="text-align: left">')
        return f"<p>{html.escape(f'{self.data}: {self.verdict}')}</p>{shown}"

    def __repr__(self) -> str:
        return f"<Report on {self.data}: {self.verdict}>"

    def __str__(self) -> str:
        """Return a line per check, with the first finding under each that failed."""
        lines = []
        for check in self.checks:
            lines.append(f"{check.status:<8} {check.name}: {check.summary}")
            if check.first is not None:
                lines.append(f"{'':<8} first: {check.first.sentence}")
        return "\n".join([*lines, f"{self.data}: {self.verdict}"])


def passed(name: str, summary: str) -> Check:
    """Return a check without findings."""
    return Check(name, "pass", summary)


def skipped(name: str, reason: str) -> Check:
    """Return a check that was left out or is not possible."""
    return Check(name, "skipped", reason)


def failed(name: str, summary: str, findings: Sequence[Finding]) -> Check:
    """Return a check with findings, which are sorted by date."""
    last = pd.Timestamp.max
    order = sorted(findings, key=lambda f: (f.date or last, f.symbol or "", f.subject or ""))
    return Check(name, "fail", summary, tuple(order))
