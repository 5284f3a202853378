"""The folder that is a board."""

import pytest

from ways_device.errors import ToolError, UsageError
from ways_device.vboard.store import Store


def test_new_board_has_a_blank_flash_and_an_id_that_stays(tmp_path):
    store = Store(tmp_path / "board", 64)
    flash = (tmp_path / "board" / "flash.bin").read_bytes()
    assert flash == b"\xff" * 65536
    assert len(bytes.fromhex(store.unique_id)) == 6
    store.close()
    again = Store(tmp_path / "board", None)
    assert again.unique_id == store.unique_id
    again.close()


def test_run_folder_is_empty_at_the_start_and_gone_at_the_end(tmp_path):
    left = tmp_path / "run"
    left.mkdir()
    (left / "rtc").write_bytes(b"from before")
    store = Store(tmp_path, None)
    assert list(store.run_folder.iterdir()) == []
    assert store.run_folder.stat().st_mode & 0o777 == 0o700
    store.close()
    assert not store.run_folder.exists()


def test_folder_is_one_boards_at_a_time(tmp_path):
    store = Store(tmp_path, None)
    with pytest.raises(ToolError, match="in use by another virtual board"):
        Store(tmp_path, None)
    # The refused one took nothing away.
    assert store.run_folder.exists()
    store.close()
    Store(tmp_path, None).close()


def test_refused_start_leaves_the_folder_free(tmp_path):
    with pytest.raises(UsageError, match="--flash-kb 65"):
        Store(tmp_path, 65)
    assert not (tmp_path / "flash.bin").exists()
    Store(tmp_path, 64).close()


def test_flash_of_another_size_is_kept(tmp_path):
    Store(tmp_path, 64).close()
    with pytest.raises(UsageError, match="has a flash of 64 KB"):
        Store(tmp_path, 128)
    assert (tmp_path / "flash.bin").stat().st_size == 65536


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"unique_id": 5}', '{"unique_id": "xyz"}'])
def test_damaged_id_is_told_with_the_remedy(tmp_path, text):
    (tmp_path / "board.json").write_text(text)
    with pytest.raises(ToolError, match=r"board\.json does not hold .*; remove it"):
        Store(tmp_path, 64)
