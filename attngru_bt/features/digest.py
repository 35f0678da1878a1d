"""A digest of all that is known at a month-end, by which finished months are told apart."""

from __future__ import annotations

import hashlib

import numpy as np

from attngru_bt.features.cross_section import CrossSection


def section_digest(before: str, previous: CrossSection | None, section: CrossSection) -> str:
    """Digest of all that is known at a month-end: that of the one before, its outcome, and it."""
    digest = hashlib.sha256(before.encode())
    if previous is not None and previous.returns is not None:
        digest.update(previous.returns.tobytes())
    digest.update(repr((str(section.date), section.assets, section.columns)).encode())
    digest.update(np.asarray(section.values).tobytes())
    for more in (section.member, section.within, section.size, section.weights):
        if more is not None:
            digest.update(more.tobytes())
    for sample in section.samples:
        digest.update(section_digest("", None, sample).encode())
        digest.update(np.asarray(sample.returns).tobytes())
    return digest.hexdigest()
