"""The files of the picks."""

from __future__ import annotations

import os
from pathlib import Path

from attngru_bt.picks.page import render
from attngru_bt.picks.picks import Picks
from attngru_bt.picks.tables import with_families
from attngru_bt.reports import output


def write(picks: Picks, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the picks as files, each replaced in one step.

    - ``picks.html``: everything on one page, pictures inside.
    - ``orders.csv``: columns as `proposal.ORDERS`.
    - ``picks.csv``: columns as `proposal.PICKS`; the reasons of names that are held or wanted end
      with the families of factors that move their score most.

    Returns
    -------
    list of Path
        The files, the page first.
    """
    texts = {
        "picks.csv": output.as_csv(with_families(picks)),
        "orders.csv": output.as_csv(picks.orders),
    }
    files = [output.write(Path(folder) / name, text) for name, text in texts.items()]
    return [output.write(Path(folder) / "picks.html", render(picks)), *files]
