"""Unmodified mpremote against the virtual board: every command a user would type."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from vboard_rig import Serial, board


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with board(tmp_path_factory.mktemp("mpremote")) as rig:
        yield rig


def test_exec_eval_and_run_print_what_the_program_prints(shared, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print('from', __name__)\n")
    assert shared.run("eval", "6 * 7") == "42\n"
    assert shared.run("exec", "print('a', 1, sep='-')") == "a-1\n"
    assert shared.run("run", str(script)) == "from __main__\n"


def test_exception_is_a_traceback_of_the_program_alone(shared):
    assert shared.fail("import machine\nmachine.ADC(machine.Pin(5))").splitlines() == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 2, in <module>',
        "ValueError: invalid pin",
    ]


def test_large_file_goes_up_and_comes_back_unchanged_and_fast(shared, tmp_path):
    data = os.urandom(100_000)
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(data)
    started_s = time.monotonic()
    shared.run("cp", str(there), ":large")
    # 2 s on a quiet machine; the bound only tells a fast path from polling.
    assert time.monotonic() - started_s < 10
    shared.run("cp", ":large", str(back))
    assert back.read_bytes() == data
    assert hashlib.sha256(data).hexdigest() in shared.run("sha256sum", ":large")
    assert "Up to date" in shared.run("cp", str(there), ":large")
    shared.run("rm", ":large")


def test_tree_of_files(shared, tmp_path):
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "one.txt").write_text("first\n")
    (tmp_path / "tree" / "below" / "two.txt").write_text("second\n")
    shared.run("cp", "-r", str(tmp_path / "tree"), ":")
    shared.run("mkdir", ":tree/made", "+", "touch", ":tree/made/empty")
    assert shared.run("cat", ":tree/below/two.txt") == "second\n"
    tree = shared.run("tree", ":tree")
    for name in ("one.txt", "below", "two.txt", "made", "empty"):
        assert name in tree
    shared.run("rm", "-r", ":tree")
    assert "tree" not in shared.run("ls")


def test_missing_file_is_told_as_by_a_board(shared):
    done = shared.mpremote("cat", ":missing")
    assert done.returncode == 1
    assert "missing: No such file or directory" in done.stderr


def test_df_shows_the_flash(shared):
    row = shared.run("df").splitlines()[1].split()
    assert row[1] == str(2048 * 1024)
    assert row[-1] == "/"


def test_rtc_is_read_and_set(shared):
    shared.run("rtc", "--set")
    year = int(shared.run("rtc").strip("()\n").split(",")[0])
    assert year == time.localtime().tm_year


def test_mip_installs_from_a_folder_and_from_an_index(shared, tmp_path):
    package = {"urls": [["mine.py", "mine.py"]], "version": "1"}
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "mine.py").write_text("VALUE = 5\n")
    shared.run("mip", "install", str(tmp_path / "package.json"))
    assert shared.exec("import mine; print(mine.VALUE)") == "5\n"

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_):
            pass

    (tmp_path / "mine.py").write_text("VALUE = 66\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/package.json"
        shared.run("mip", "install", address)
        server.shutdown()
    assert shared.exec("import mine; print(mine.VALUE)") == "66\n"


def test_mounted_folder_is_read_and_written_byte_for_byte(shared, tmp_path):
    # All bytes, those that mean something to a terminal or to the protocol among them.
    data = bytes(range(256)) * 20
    (tmp_path / "in").write_bytes(data)
    (tmp_path / "copy.py").write_text(
        "with open('/remote/in', 'rb') as f: data = f.read()\n"
        "with open('/remote/out', 'wb') as f: f.write(data)\n"
        "print(len(data))\n"
    )
    assert shared.run("mount", str(tmp_path), "exec", "import copy").endswith("5120\n")
    assert (tmp_path / "out").read_bytes() == data
    (tmp_path / "out").unlink()
    shared.run("mount", str(tmp_path), "run", str(tmp_path / "copy.py"))
    assert (tmp_path / "out").read_bytes() == data


def test_soft_reset_and_resume(shared):
    shared.exec("kept = 1")
    assert shared.resume("print(kept)") == "1\n"
    shared.run("soft-reset")
    assert shared.resume("print('kept' in globals())") == "False\n"
    shared.exec("kept = 1")
    shared.resume("import machine; machine.soft_reset()")
    assert shared.resume("print('kept' in globals())") == "False\n"


def test_chained_commands_and_sleep(shared):
    assert shared.run("exec", "n = 1", "sleep", "0.1", "exec", "print(n)") == "1\n"


def test_port_is_used_by_one_at_a_time(shared):
    holder = ["connect", shared.port, "exec", "print('mine', end='')", "sleep", "30"]
    with subprocess.Popen(
        [sys.executable, "-m", "mpremote", *holder], stdout=subprocess.PIPE
    ) as first:
        try:
            assert first.stdout
            assert first.stdout.read(4) == b"mine"
            second = shared.mpremote("eval", "1")
        finally:
            first.kill()
    assert second.returncode == 1
    assert "in use by another program" in second.stdout + second.stderr
    assert shared.run("eval", "1") == "1\n"


def test_running_main_is_interrupted_and_run_again_by_a_reset(shared, tmp_path):
    main = tmp_path / "main.py"
    main.write_text(
        "import asyncio\n"
        "async def work():\n"
        "    while True:\n"
        "        print('at work')\n"
        "        await asyncio.sleep_ms(20)\n"
        "asyncio.run(work())\n"
    )
    shared.run("cp", str(main), ":main.py")
    for _ in range(3):
        shared.run("reset")
        with Serial(shared.port) as serial:
            serial.wait_for(b"at work\r\n")
        assert shared.run("eval", "1 + 1") == "2\n"
    # Right after a reset, while the board is still starting.
    shared.run("reset")
    assert shared.run("eval", "1 + 1") == "2\n"
    shared.run("rm", ":main.py")


def test_older_protocol_without_raw_paste_works(shared):
    with Serial(shared.port) as serial:
        serial.write(b"\r\x03\x03\r\x01")
        serial.wait_for(b"raw REPL; CTRL-B to exit\r\n>")
        serial.write(b"\x05B\x01")
        serial.wait_for(b"R\x00>")
        serial.write(b"print('raw')\x04")
        assert serial.wait_for(b"\x04>") == b"OKraw\r\n\x04\x04>"
        serial.write(b"1 / 0\x04")
        answer = serial.wait_for(b"\x04>")
        assert answer.startswith(b"OK\x04Traceback")
        assert b"ZeroDivisionError: divide by zero\r\n\x04>" in answer
        serial.write(b"\x02")
        serial.wait_for(b">>> ")


def test_person_at_the_prompt(shared):
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"1 + 2\r")
        assert serial.wait_for(b">>> ") == b"1 + 2\r\n3\r\n>>> "
        serial.write(b"for n in range(2):\r  print(n)\r\r")
        assert b"0\r\n1\r\n>>> " in serial.wait_for(b"1\r\n>>> ")
        serial.write(b"\x05a = 4\rprint(a)\r\x04")
        serial.wait_for(b"4\r\n>>> ")
        serial.write(b"while True: pass\r\r")
        serial.wait_for(b"... \r\n")
        serial.write(b"\x03")
        serial.wait_for(b"KeyboardInterrupt")
        serial.wait_for(b">>> ")
        serial.write(b"\x04")
        banner = serial.wait_for(b">>> ")
        assert b"MPY: soft reboot\r\n" in banner
        assert b"\r\nMicroPython v" in banner
        assert b"ESP32 (virtual board)" in banner
