"""Code onto a board: what is compiled, what is copied, and how the board is left."""

import pytest
from fakeboard import FakeBoard
from fakeplatform import FakePlatform

from ways_device.bytecode import device_files, imported_names
from ways_device.deploy import deploy
from ways_device.errors import BoardError, FlashFullError, ToolError
from ways_device.resources import device_source
from ways_device.talk import Talk


@pytest.fixture
def agent(tmp_path):
    (tmp_path / "firmware" / "sensors").mkdir(parents=True)
    (tmp_path / "boot.py").write_text("import sys\n")
    (tmp_path / "main.py").write_text("import os.path\nfrom firmware import agent\n")
    for name in ("__init__", "agent", "manifest", "board_unix", "sensors/__init__", "sensors/adc"):
        (tmp_path / "firmware" / f"{name}.py").write_text("import machine, os\n")
    return tmp_path


@pytest.fixture
def board():
    return FakeBoard(FakePlatform())


def test_modules_are_compiled_and_scripts_are_not(agent):
    files = {file.path: file.data for file in device_files(agent)}
    assert sorted(files) == [
        "/boot.py",
        "/lib/firmware/__init__.mpy",
        "/lib/firmware/sensors/__init__.mpy",
        "/lib/firmware/sensors/adc.mpy",
        "/main.py",
    ]
    assert files["/boot.py"] == b"import sys\n"
    assert b"firmware.sensors.adc" in files["/lib/firmware/sensors/adc.mpy"]


def test_same_source_gives_the_same_bytes(agent):
    assert [file.sha256 for file in device_files(agent)] == [
        file.sha256 for file in device_files(agent)
    ]


def test_file_that_does_not_compile_is_named(agent):
    (agent / "firmware" / "agent.py").write_text("match 1:\n case _: pass\n")
    with pytest.raises(ToolError, match=r"firmware/agent.py:1 does not compile: .*SyntaxError"):
        device_files(agent)


@pytest.mark.parametrize("missing", ["main.py", "firmware"])
def test_incomplete_installation_is_told(agent, missing):
    (agent / missing).rename(agent / "elsewhere")
    with pytest.raises(ToolError, match=r"missing.*install ways-device again"):
        device_files(agent)


def test_names_the_agent_needs(agent):
    assert imported_names(agent) == ["machine", "os", "sys"]


def test_shipped_agent_compiles_and_needs_what_a_board_has():
    files = device_files(device_source())
    assert "/lib/firmware/wiring.mpy" in [file.path for file in files]
    assert {"asyncio", "machine", "tls"} <= set(imported_names(device_source()))


def test_only_changes_are_copied(agent, board):
    assert len(deploy(board, agent, Talk())) == 5
    (agent / "firmware" / "agent.py").write_text("A = 1\n")
    assert deploy(board, agent, Talk())[0] == "/lib/firmware/__init__.mpy"
    assert deploy(board, agent, Talk()) == []
    assert board.starts == 3
    assert not board.held


def test_source_that_would_be_imported_instead_is_removed(agent, board):
    deploy(board, agent, Talk())
    # The last one is of a layout in which each module was a file.
    old = ["/lib/firmware/__init__.py", "/lib/firmware/agent.py", "/lib/firmware/agent.mpy"]
    board.files |= dict.fromkeys(old, b"old")
    assert deploy(board, agent, Talk()) == []
    assert not set(old) & set(board.files)


def test_failed_copy_leaves_the_board_running(agent, board):
    deploy(board, agent, Talk())
    (agent / "firmware" / "agent.py").write_text("A = 1\n")
    board.fills_at = 0
    with pytest.raises(FlashFullError, match="kB are needed"):
        deploy(board, agent, Talk())
    assert not board.held
    assert board.starts == 2


def test_file_that_does_not_read_back_is_told(agent, board):
    real = board.install

    def install(files, hiding, copied=None):
        return {**real(files, hiding, copied), "/main.py": "0" * 64}

    board.install = install
    with pytest.raises(BoardError, match=r"/main.py on the board is not what was sent"):
        deploy(board, agent, Talk())
    assert not board.held
