"""The journal and the private files below it: on the disk, for nobody else, one run at a time."""

import json
import os
import subprocess
import sys

import pytest

from ways_device.errors import ToolError
from ways_device.journal import Entry, Journal

ORIGIN = "https://api.test"
CREDENTIALS = {"device_id": "d1", "username": "u", "password": "canary", "client_id": "c"}


def files(folder):
    return [path for path in folder.iterdir() if path.suffix == ".json"]


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_nothing_is_known_of_a_new_device(tmp_path):
    assert Journal(tmp_path / "j").load(ORIGIN, "d1") is None


def test_entry_comes_back_as_it_was_saved(tmp_path):
    entry = Entry(ORIGIN, "d1", "registered", "b0", "d1", CREDENTIALS)
    Journal(tmp_path / "j").save(entry)
    assert Journal(tmp_path / "j").load(ORIGIN, "d1") == entry


def test_files_are_private_whatever_the_umask(tmp_path, open_umask):
    journal = Journal(tmp_path / "home" / "j")
    journal.save(Entry(ORIGIN, "d1", credentials=CREDENTIALS))
    answer = journal.keep_answer(Entry(ORIGIN, "d1"), "body")
    with journal.lock(ORIGIN, "d1"):
        assert mode(tmp_path / "home" / "j") == 0o700
        assert {mode(path) for path in (tmp_path / "home" / "j").iterdir()} == {0o600}
    assert answer.read_text() == "body"


def test_credentials_are_gone_when_done(tmp_path):
    journal = Journal(tmp_path)
    entry = Entry(ORIGIN, "d1", "seen", credentials=CREDENTIALS)
    journal.save(entry)
    journal.advance(entry, "done")
    assert "canary" not in files(tmp_path)[0].read_text()
    assert journal.load(ORIGIN, "d1").state == "done"


def test_same_id_elsewhere_and_in_other_letters_is_another_device(tmp_path):
    journal = Journal(tmp_path)
    for origin, device_id in ((ORIGIN, "d1"), ("https://other.test", "d1"), (ORIGIN, "D1")):
        journal.save(Entry(origin, device_id))
    assert len({path.name.lower() for path in files(tmp_path)}) == 3


def test_half_written_file_never_shows(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.save(Entry(ORIGIN, "d1", "registered", credentials=CREDENTIALS))

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        journal.save(Entry(ORIGIN, "d1", "written", credentials=CREDENTIALS))
    monkeypatch.undo()
    assert journal.load(ORIGIN, "d1").state == "registered"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"origin": 1}', '{"extra": true}'])
def test_damaged_entry_stops_the_command_and_is_named(tmp_path, text):
    journal = Journal(tmp_path)
    journal.save(Entry(ORIGIN, "d1"))
    files(tmp_path)[0].write_text(text)
    with pytest.raises(ToolError, match=r"d1\..*unreadable"):
        journal.load(ORIGIN, "d1")


def test_entry_of_a_newer_version_is_left_alone(tmp_path):
    journal = Journal(tmp_path)
    journal.save(Entry(ORIGIN, "d1"))
    path = files(tmp_path)[0]
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(ToolError, match="another version"):
        journal.load(ORIGIN, "d1")


def test_second_run_on_a_device_is_refused_while_the_first_lives(tmp_path):
    holder = (
        "import sys, time; from pathlib import Path; from ways_device.journal import Journal\n"
        f"with Journal(Path({str(tmp_path)!r})).lock({ORIGIN!r}, 'd1'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        with (
            pytest.raises(ToolError, match="another ways-device is at work on d1"),
            Journal(tmp_path).lock(ORIGIN, "d1"),
        ):
            pass
        with Journal(tmp_path).lock(ORIGIN, "d2"):
            pass
        child.kill()
    with Journal(tmp_path).lock(ORIGIN, "d1"):
        pass


def test_entries_are_those_of_one_platform(tmp_path):
    journal = Journal(tmp_path)
    for origin, device_id in ((ORIGIN, "b"), (ORIGIN, "a"), ("https://other.test", "c")):
        journal.save(Entry(origin, device_id))
    with journal.lock(ORIGIN, "a"):
        assert [entry.device_id for entry in journal.entries(ORIGIN)] == ["a", "b"]


def test_what_a_killed_run_left_is_gone_with_the_next(tmp_path):
    journal = Journal(tmp_path)
    entry = Entry(ORIGIN, "d1", "seen", credentials=CREDENTIALS)
    journal.save(entry)
    (path,) = files(tmp_path)
    own = tmp_path / f".{path.name}.x8fu2"
    kept = tmp_path / f".{path.stem}.answer.zzz"
    others = tmp_path / ".d2.0123456789ab.json.abc"
    for leftover in (own, kept, others):
        leftover.write_text("canary")
    with journal.lock(ORIGIN, "d1"):
        assert not own.exists()
        assert not kept.exists()
        assert others.exists()
        assert journal.load(ORIGIN, "d1") == entry


def test_kept_answer_is_gone_when_done(tmp_path):
    journal = Journal(tmp_path)
    entry = Entry(ORIGIN, "d1", "seen", credentials=CREDENTIALS)
    answer = journal.keep_answer(entry, "canary")
    journal.advance(entry, "verified")
    assert answer.exists()
    journal.advance(entry, "done")
    assert not answer.exists()


@pytest.mark.parametrize("device_id", ["../x", "a/b", "..", "", "x" * 64, "ä" * 300])
def test_no_id_leads_out_of_the_folder(tmp_path, device_id):
    folder = tmp_path / "deep" / "journal"
    journal = Journal(folder)
    journal.save(Entry(ORIGIN, device_id))
    assert journal.load(ORIGIN, device_id).device_id == device_id
    with journal.lock(ORIGIN, device_id):
        pass
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {folder}
