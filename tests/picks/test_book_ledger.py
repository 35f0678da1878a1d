"""A ledger is only added to; damage is told by line, and the rest is used."""

import json
import os

import pytest

from attngru_bt.data.bars import DataError
from attngru_bt.data.lock import sole_use
from attngru_bt.picks.book.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "book")
    for number in range(4):
        made.append("note", {"number": number, "name": "华夏"})
    return made


def numbers(ledger):
    entries, faults = ledger.read()
    return [entry.content["number"] for entry in entries], [f.split(", ", 1)[-1] for f in faults]


def test_entries_come_back_and_the_file_only_grows(ledger):
    before = ledger.path.read_bytes()
    added = ledger.append("other", {"number": 4})
    assert ledger.path.read_bytes().startswith(before)
    entries, faults = ledger.read()
    assert not faults and entries[-1] == added and added.line == 5
    assert entries[0].content == {"number": 0, "name": "华夏"}
    assert all(json.loads(line)["digest"] for line in ledger.path.read_text().splitlines())


@pytest.mark.parametrize("kept", ["all but the newline", 1, 40, "half"])
def test_a_crash_damages_the_last_line_at_most(ledger, kept):
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    n_kept = {"half": len(lines[-1]) // 2, "all but the newline": len(lines[-1]) - 1}.get(
        kept, kept
    )
    cut = b"".join(lines[:-1]) + lines[-1][:n_kept]
    ledger.path.write_bytes(cut)
    whole = kept == "all but the newline"
    damage = [] if whole else ["line 4: is damaged and is left out."]
    known = [0, 1, 2, 3] if whole else [0, 1, 2]
    assert numbers(ledger) == (known, damage)
    ledger.append("note", {"number": 9})
    assert ledger.path.read_bytes().startswith(cut), "damage is not rewritten either"
    assert numbers(ledger) == ([*known, 9], damage)


def test_a_changed_line_and_a_missing_one_show(ledger):
    lines = ledger.path.read_text().splitlines(keepends=True)
    ledger.path.write_text("".join([lines[0], lines[1].replace(":1,", ":7,"), *lines[2:]]))
    found, faults = numbers(ledger)
    assert found == [0, 2, 3] and faults[0] == "line 2: is damaged and is left out."
    # the next line tells that it followed another text
    assert faults[1].startswith("line 3: does not continue the line before") and len(faults) == 2
    ledger.path.write_text("".join([lines[0], *lines[2:]]))
    found, faults = numbers(ledger)
    assert found == [0, 2, 3] and faults[0].startswith("line 2: does not continue")


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00", b"[]", b"{}", b"", b"[" * 100_000])
def test_any_bytes_are_one_damaged_line(ledger, junk):
    with ledger.path.open("ab") as file:
        file.write(junk + b"\n")
    ledger.append("note", {"number": 5})
    assert numbers(ledger) == ([0, 1, 2, 3, 5], ["line 5: is damaged and is left out."])


def test_line_ends_of_windows_are_no_damage(ledger):
    """Such as git writes there: all lines counted as damaged."""
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"\n", b"\r\n"))
    assert numbers(ledger) == ([0, 1, 2, 3], [])
    ledger.append("note", {"number": 4})
    assert numbers(ledger) == ([0, 1, 2, 3, 4], [])


def test_two_writers_are_locked_out(ledger):
    before = ledger.path.read_bytes()
    with sole_use(ledger.folder), pytest.raises(BlockingIOError, match="another run"):
        ledger.append("note", {"number": 5})
    assert ledger.path.read_bytes() == before
    ledger.append("note", {"number": 5})


def test_what_is_no_json_is_refused_and_nothing_is_written(ledger):
    before = ledger.path.read_bytes()
    for wrong in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            ledger.append("note", {"number": wrong})
    assert ledger.path.read_bytes() == before


def test_a_full_disk_is_told_with_the_path_and_a_cut_line_is_left_out(ledger, monkeypatch):
    whole, write = ledger.path.read_bytes(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:40]))
        with pytest.raises(OSError, match="No space left") as error:
            ledger.append("note", {"number": 4})
    assert error.value.filename == str(ledger.path)
    assert ledger.path.stat().st_mode & 0o111 == 0, "no program"
    assert len(ledger.path.read_bytes()) == len(whole) + 40
    ledger.append("note", {"number": 5})
    assert numbers(ledger) == ([0, 1, 2, 3, 5], ["line 5: is damaged and is left out."])


def test_no_ledger(tmp_path):
    with pytest.raises(DataError, match=r"there is no ledger \(ledger.jsonl\)"):
        Ledger(tmp_path).read()
