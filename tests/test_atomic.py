"""A file is replaced in one step, or stays what it was."""

import os
import stat

import pytest

from attngru_bt.atomic import replacing


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


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_who_may_read_it_is_for_the_umask_to_say(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "run.json"
    plain.write_text("")
    with replacing(path) as rough:
        rough.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
