"""AttentionGRUClassifier: the networks of `attngru_bt.network` as one scikit-learn classifier.

The classifier (``estimator``), what it accepts (``checks``), arrays to torch and back
(``tensors``). torch is imported when a network is fitted or used, not before.
"""

from __future__ import annotations

from attngru_bt.classifier.estimator import AttentionGRUClassifier

__all__ = ["AttentionGRUClassifier"]
