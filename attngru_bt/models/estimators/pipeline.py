"""A pipeline whose steps take sequences."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags


class SequencePipeline(Pipeline):  # type: ignore[misc]
    """A scikit-learn pipeline whose tags say that it takes sequences when its last step does.

    The tags of scikit-learn's own do not, so that a `SignalGenerator` would give it the month-end
    alone. Every step must take (rows, steps, features); parameters of the last step's ``fit`` have
    its name in front, such as ``lstm__groups``.

    Parameters
    ----------
    steps : list of (name, estimator)
        See `sklearn.pipeline.Pipeline`, as for the rest.

    Examples
    --------
    >>> from attngru_bt.models.estimators import AttentionGRUClassifier, ElasticNetSelection
    >>> model = SequencePipeline(
    ...     [("select", ElasticNetSelection(8)), ("gru", AttentionGRUClassifier())]
    ... )
    >>> get_tags(model).input_tags.three_d_array
    True
    """

    @property
    def history_(self) -> Any:
        """Training history of the last step."""
        return self.steps[-1][1].history_

    def __sklearn_tags__(self) -> Any:
        """Return the tags of a pipeline, and whether its last step takes sequences."""
        tags = super().__sklearn_tags__()
        last = get_tags(self.steps[-1][1]).input_tags
        tags.input_tags.three_d_array = last.three_d_array
        return tags
