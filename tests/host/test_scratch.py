"""Folders for secrets on their way: private, gone afterwards, and gone after a kill as well."""

import subprocess
import sys

import pytest

from ways_device import scratch
from ways_device.errors import ToolError

HOLDER = (
    "import sys; from pathlib import Path; from ways_device import scratch\n"
    "with scratch.folder(Path(sys.argv[1])) as folder:\n"
    "    (folder / 'secret').write_text('canary')\n"
    "    print(folder, flush=True); sys.stdin.read()\n"
)


def held(parent):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline().strip()
    return child


def test_folder_is_private_and_gone_afterwards(tmp_path):
    with scratch.folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "secret").write_text("canary")
    assert list(tmp_path.iterdir()) == []


def test_folder_is_gone_after_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), scratch.folder(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_what_lives_is_left_alone(tmp_path):
    (tmp_path / "stray").write_text("canary")
    with held(tmp_path) as living, held(tmp_path) as killed:
        assert len(list(tmp_path.iterdir())) == 2
        killed.kill()
        killed.wait()
        with scratch.folder(tmp_path) as own:
            left = set(tmp_path.iterdir()) - {own}
            assert len(left) == 1
            assert (left.pop() / "secret").read_text() == "canary"
        living.kill()
    with scratch.folder(tmp_path) as own:
        assert list(tmp_path.iterdir()) == [own]


def test_a_process_that_keeps_the_folder_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "_TURN_S", 0.1)
    with (
        scratch._locked(tmp_path) as is_ours,
        pytest.raises(ToolError, match="to itself"),
        scratch.folder(tmp_path),
    ):
        assert is_ours


def test_the_systems_own_folder_is_not_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "not-ours").mkdir()
    with scratch.folder(None) as folder:
        assert folder.parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["not-ours"]
