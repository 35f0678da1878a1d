"""Finished months that were damaged, swapped or replaced by hostile files, and the run after.

The run must end with the bits of one that found no files, compute the harmed months again and no
others, run no code of a file, and leave files that the next run takes as they are.
"""

import functools
import hashlib
import json
import logging
import tempfile
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

from attngru_bt import make_market, walk_forward
from attngru_bt.models.estimators import AttentionGRUClassifier
from tests import hostile_files

SETTINGS = dict(topk=2, min_months=2, lookback=2, factors=["ROC6", "BIAS5"], n_components=None)
MODELS = {
    "ridge": lambda other: Ridge(alpha=100.0 if other else 1.0),
    "network": lambda other: AttentionGRUClassifier(max_epochs=2 if other else 1, hidden_size=3),
}


def walk(model, folder=None, other=False):
    """Walk a tiny market; returns the records of the months that have scores."""
    market = make_market(n_assets=8, n_days=130, seed=5)
    models = {"one": MODELS[model](other)}
    (walked,) = walk_forward(market, models, folder=folder, **SETTINGS)
    return [record for record in walked.records if len(record.scores)]


def bits(records):
    return [(r.month_end, tuple(r.scores.index), r.scores.to_numpy().tobytes()) for r in records]


@functools.cache
def undisturbed(model):
    """Return the bits of a run without files, and the files of it and of other settings."""
    with tempfile.TemporaryDirectory() as folder:
        want = bits(walk(model))
        walk(model, folder)
        mine = contents(folder)
        walk(model, folder, other=True)
        return want, mine, {k: v for k, v in contents(folder).items() if k not in mine}


def contents(folder):
    """Files of finished months: path below the folder → content."""
    root = Path(folder)
    return {p.relative_to(root): p.read_bytes() for p in sorted(root.rglob("20*.month"))}


def seal(path, body):
    """Give a body the header that belongs to the file's name."""
    return f"{path.stem} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def flip(rng, path, mine, others):
    data = bytearray(mine[path])
    for place in rng.choice(len(data), rng.integers(1, 9), replace=False):
        data[place] ^= 1 << rng.integers(8)
    return bytes(data)


def cut(rng, path, mine, others):
    return mine[path][: rng.integers(len(mine[path]))]


def lengthen(rng, path, mine, others):
    return mine[path] + rng.bytes(int(rng.integers(1, 2000)))


def overwrite(rng, path, mine, others):
    data, n = mine[path], int(rng.integers(1, 64))
    place = int(rng.integers(len(data) - n))
    noise = bytes(b ^ int(x) for b, x in zip(data[place:], rng.integers(1, 256, n), strict=False))
    return data[:place] + noise + data[place + n :]


def foreign(rng, path, mine, others):
    return rng.bytes(int(rng.integers(0, 5000)))


def text(rng, path, mine, others):
    return "month_end,symbol,score\n2015-03-31,S000,0.5\n".encode(rng.choice(["utf-8", "utf-16"]))


def another_month(rng, path, mine, others):
    return mine[_one(rng, [p for p in mine if p != path])]


def another_month_renamed(rng, path, mine, others):
    """The record of another month under a header and checksum that are right."""
    return seal(path, another_month(rng, path, mine, others).partition(b"\n")[2])


def other_settings(rng, path, mine, others):
    return others[_one(rng, [p for p in others if p.name[:10] == path.name[:10]])]


def another_form(rng, path, mine, others):
    """A record with a field too few, too many, or of another kind, and a right checksum."""
    record = json.loads(mine[path].partition(b"\n")[2])
    field = _one(rng, ["month_end", "scores", "attention", "loadings", "n_rows"])
    wrong = _one(rng, [{"__class__": "eval"}, "__import__('os')", [[]], {"values": 1}])
    if rng.random() < 0.3:
        del record[field]
    elif rng.random() < 0.3:
        record["__reduce__"] = wrong
    else:
        record[field] = wrong
    return seal(path, json.dumps(record).encode())


HARMS = (
    flip, cut, lengthen, overwrite, foreign, text, another_month, another_month_renamed,
    other_settings, another_form,
)  # fmt: skip


def _one(rng, choices):
    return choices[rng.integers(len(choices))]


def trial(seed, model=None):
    """Harm some files of a finished run and run it again; say what is not as it should be."""
    rng = np.random.default_rng(seed)
    model = model or ("network" if rng.random() < 0.3 else "ridge")
    want, mine, others = undisturbed(model)
    with tempfile.TemporaryDirectory() as folder:
        root, mark = Path(folder) / "run", Path(folder) / "code ran"
        for path, content in {**mine, **others}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        paths = list(mine)
        harmed, kinds = rng.choice(len(paths), rng.integers(1, len(paths) + 1), replace=False), []
        for place in harmed:
            path, kind = paths[place], _one(rng, (*HARMS, *hostile_files.ALL))
            kinds.append(kind.__name__)
            if kind in HARMS:
                (root / path).write_bytes(kind(rng, path, mine, others))
            else:
                kind(root / path, mark)
        warned = _Warned()
        with warned:
            again = walk(model, root)
        told = f"{model}, {', '.join(kinds)}: "
        if mark.exists():
            return told + "code of a file ran"
        if bits(again) != want:
            return told + "other scores"
        computed = {f"{record.month_end:%Y-%m-%d}" for record in again if not record.found}
        if computed != {paths[place].name[:10] for place in harmed} or warned.n != len(harmed):
            return told + f"{sorted(computed)} computed again, {warned.n} warnings"
        with warned:
            last = walk(model, root)
        if bits(last) != want or not all(record.found for record in last) or warned.n:
            return told + "the files left behind are not used"
        return ""


class _Warned(logging.Handler):
    """Counts the package's warnings, which are shown nowhere meanwhile."""

    def __enter__(self):
        self.n = 0
        logger = logging.getLogger("attngru_bt")
        self._before = logger.propagate
        logger.propagate = False
        logger.addHandler(self)

    def __exit__(self, *error):
        logger = logging.getLogger("attngru_bt")
        logger.removeHandler(self)
        logger.propagate = self._before

    def emit(self, record):
        self.n += record.levelno >= logging.WARNING
