"""Many networks trained at once: months × seeds share every call but the matrix products.

The plain loop (`attngru_bt.models.training`) is the reference and trains whatever module it is
given. Here M networks of one architecture, `can_stack` says which, go through their batches side by
side: gradients are worked out by hand (no graph is recorded), parameters and AdamW lie in one
array.

What lies where (``parameters``), matrix products (``products``), the two GRUs (``cells``) and the
attention (``attention``) there and back, the network made of them (``stack``) in buffers that stay
(``memory``), losses with their slopes (``losses``), AdamW (``optimise``), a network in training
(``trainee``), the loop (``loop``).
"""

from __future__ import annotations

from attngru_bt.models.stacked.fit import fit_many, paying_fits
from attngru_bt.models.stacked.loop import paying_width, train
from attngru_bt.models.stacked.support import can_stack
from attngru_bt.models.stacked.trainee import Job

__all__ = ["Job", "can_stack", "fit_many", "paying_fits", "paying_width", "train"]
