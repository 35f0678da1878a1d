"""A comparison as Markdown, for a README or a report."""

from __future__ import annotations

from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.notes import costs, notes2, notes3, notes_on_choice, notes_on_days, subject
from attngru_bt.compare.tables import table2, table3, table_of_days


def markdown(comparison: Comparison, level: int = 3) -> str:
    """Write the tables as Markdown, for a README or a report.

    Parameters
    ----------
    comparison : Comparison
    level : int, default=3
        Of the headings.
    """
    mark = "#" * level
    parts = [
        f"{mark} How good the scores are\n\n{subject(comparison)}. Out of "
        "sample, except where it says in-sample.",
        table2(comparison).known().markdown(),
        f"{mark} What they earned\n\n**Out of sample**, {costs(comparison)}.",
        table3(comparison).known().markdown(),
        "\n".join(f"- {note}" for note in notes2(comparison) + notes3(comparison)),
    ]
    choice = notes_on_choice(comparison)
    if choice:
        parts += [f"{mark} Is the best one luck?", "\n".join(f"- {note}" for note in choice)]
    days = table_of_days(comparison)
    if days is not None:
        parts += [
            f"{mark} The luck of the day",
            days.markdown(),
            "\n".join(f"- {note}" for note in notes_on_days(comparison)),
        ]
    return "\n\n".join(parts) + "\n"
