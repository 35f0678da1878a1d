"""A file is replaced in one step, or stays what it was."""

import os
import stat

import pytest

from attngru_bt.data.atomic import replacing


def test_what_was_written_takes_the_files_place(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    with replacing(path) as rough:
        assert rough.parent == path.parent and rough.name.startswith(".run.json.")
        rough.write_bytes(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("stopped", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, stopped):
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(type(stopped)), replacing(path) as rough:
        rough.write_text("ha")
        raise stopped
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_failed_replacement_leaves_the_old_file(tmp_path):
    path = tmp_path / "run.json"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError), replacing(path) as rough:
        rough.write_text("new")
    assert os.listdir(tmp_path) == ["run.json"] and (path / "in the way").is_dir()


def test_nothing_written_is_an_error_and_no_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "run.json"):
        pass
    assert not os.listdir(tmp_path)


def test_the_folder_is_made(tmp_path):
    with replacing(str(tmp_path / "a" / "b" / "run.json")) as rough:
        rough.write_text("new")
    assert (tmp_path / "a" / "b" / "run.json").read_text() == "new"


def test_two_at_once_do_not_write_into_each_other(tmp_path):
    path = tmp_path / "run.json"
    with replacing(path) as slow:
        slow.write_text("first to begin")
        with replacing(path) as quick:
            assert quick != slow
            quick.write_text("first to end")
        assert path.read_text() == "first to end"
    assert path.read_text() == "first to begin"
    assert os.listdir(tmp_path) == ["run.json"]


def watched(monkeypatch, fails=None):
    """What is flushed and replaced, in order; flushing `fails` raises OSError."""
    seen = []
    fsync, replace = os.fsync, os.replace

    def flush(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        seen.append((kind, os.fstat(descriptor).st_ino))
        if kind == fails:
            raise OSError("input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", lambda a, b: seen.append("replaced") or replace(a, b))
    return seen


@pytest.mark.skipif(os.name != "posix", reason="folders can be flushed on POSIX only")
def test_is_flushed_to_disk_before_it_takes_the_files_place(tmp_path, monkeypatch):
    seen = watched(monkeypatch)
    with replacing(tmp_path / "run.json") as rough:
        rough.write_text("new")
        assert not seen
    file, folder = (path.stat().st_ino for path in (tmp_path / "run.json", tmp_path))
    assert seen == [("file", file), "replaced", ("folder", folder)]


def test_what_cannot_be_flushed_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    path.write_text("old")
    watched(monkeypatch, fails="file")
    with pytest.raises(OSError, match="input/output"), replacing(path) as rough:
        rough.write_text("new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["run.json"]


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    watched(monkeypatch, fails="folder")
    with replacing(tmp_path / "run.json") as rough:
        rough.write_text("new")
    assert (tmp_path / "run.json").read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_who_may_read_it_is_for_the_umask_to_say(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "run.json"
    plain.write_text("")
    with replacing(path) as rough:
        rough.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
