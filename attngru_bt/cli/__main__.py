"""``python -m attngru_bt.cli`` is the ``attngru-bt`` command."""

from __future__ import annotations

from attngru_bt.cli import main

if __name__ == "__main__":
    main()
