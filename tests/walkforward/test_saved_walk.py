"""A walk that was saved answers as it did, trades the same orders, and runs no code when read."""

import hashlib
import json

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from attngru_bt import backtest
from attngru_bt.data import make_market
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward import Blend, Walk, walk_file, walk_forward

SETTINGS = dict(topk=3, min_months=3, lookback=1, refit=4, n_components=3)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=8, n_days=170, seed=3)


@pytest.fixture(scope="module")
def walk(market):
    return walk_forward(market, {"ridge": Ridge()}, **SETTINGS)[0]


@pytest.fixture
def file(walk, tmp_path):
    return walk.save(tmp_path / "kept" / "ridge.walk")


@pytest.mark.slow
def test_it_answers_as_the_walk_that_was_saved(walk, file):
    found = Walk.load(file)
    pd.testing.assert_frame_equal(found.scores(), walk.scores(), check_exact=True)
    pd.testing.assert_frame_equal(found.labels(), walk.labels(), check_exact=True)
    assert found.labels()["label"].isna().any(), "the last month has no outcome yet"
    for record in walk.records:
        same = found.at(record.month_end)
        pd.testing.assert_series_equal(same, record.scores, check_exact=True)
        assert found.at(record.month_end, before=record.month_end).empty
    assert [r.n_rows for r in found.records] == [r.n_rows for r in walk.records]
    assert (found.model, found.seed, found.topk) == ("ridge", 0, 3)
    assert repr(found) == repr(walk)
    with pytest.raises(TypeError, match="takes no further step"):
        found.step(None)


@pytest.mark.slow
def test_it_trades_the_same_orders(market, walk, file):
    traded = [
        backtest.run(market, MonthlyTopK, signal=signal, topk=3)
        for signal in (walk, Walk.load(file))
    ]
    first, second = (strategy.trade_log.frame() for strategy in traded)
    pd.testing.assert_frame_equal(first, second)
    assert traded[0].trade_log.n_fills > 3


def test_what_cannot_be_read_is_refused_with_the_reason(file, monkeypatch, tmp_path):
    content = file.read_bytes()
    header, _, body = content.partition(b"\n")
    json.loads(body)  # nothing else is in it
    for changed, told in [
        (content[:-9], "is damaged"),
        (content.replace(b'"seed":0', b'"seed":7'), "is damaged"),
        (b"\x80\x05pickle", "is no walk"),
        (b"", "is no walk"),
    ]:
        (tmp_path / "wrong").write_bytes(changed)
        with pytest.raises(ValueError, match=told):
            Walk.load(tmp_path / "wrong")
    with pytest.raises(ValueError, match="there is no such file"):
        Walk.load(tmp_path / "nowhere")
    newer = walk_file.package_versions() | {"numpy": "99.0"}
    monkeypatch.setattr(walk_file, "package_versions", lambda: newer)
    with pytest.raises(ValueError, match=r"was made with numpy [\d.]+ \(here 99.0\)"):
        Walk.load(file)


def test_a_checksum_that_fits_does_not_make_it_a_walk(file):
    stored = json.loads(file.read_bytes().partition(b"\n")[2])
    reversed_records = stored | {"records": stored["records"][::-1]}
    bodies = [b"", b"[]", b"null", b"[" * 10_000, b"\xff", json.dumps(reversed_records).encode()]
    bodies += [json.dumps(stored | {name: None}).encode() for name in stored]
    bodies += [json.dumps(stored | {"versions": {"numpy": 3}}).encode()]
    for body in bodies:
        header = f"{walk_file.FORM} {hashlib.sha256(body).hexdigest()}\n".encode()
        file.write_bytes(header + body)
        with pytest.raises(ValueError, match="holds no walk") as error:
            Walk.load(file)
        assert str(error.value).startswith(f"{file}: ")


@pytest.mark.slow
def test_a_blend_is_kept_and_kept_again_as_it_is(market, tmp_path):
    (walk,) = walk_forward(market, {"both": Blend([Ridge(), "random"])}, **SETTINGS)
    first = walk.save(tmp_path / "first.walk")
    found = Walk.load(first)
    pd.testing.assert_frame_equal(found.labels(), walk.labels(), check_exact=True)
    assert found.save(tmp_path / "second.walk").read_bytes() == first.read_bytes()
    assert set(found.about["settings"]) == set(walk.members)
