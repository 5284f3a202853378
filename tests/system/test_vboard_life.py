"""The virtual board as a program: power, start, end, and what it leaves behind."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from realparts import WHOLE_COMMAND
from vboard_rig import Serial, board

BLOCK = 4096

KNOWN = "adc_mv, clock, panic, power, watchdog_haste, wlan"


def start(*arguments):
    """Run a start that must fail; return (exit status, its line on stderr)."""
    done = subprocess.run(
        [*WHOLE_COMMAND, "vboard", "start", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return done.returncode, lines[0]


def wait_until(condition, seconds=10):
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def is_gone(pid):
    """Tell whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_power_cut_in_the_middle_of_writing_leaves_whole_records(tmp_path):
    log = (
        "import os\n"
        "try: n = os.stat('log')[6] // 8\n"
        "except OSError: n = 0\n"
        "f = open('log', 'ab')\n"
        "while True:\n"
        "    f.write(b'%07d\\n' % n); f.flush(); n += 1\n"
        "    if n % 50 == 0: print('at', n)\n"
    )
    (tmp_path / "main.py").write_text(log)
    with board(tmp_path) as rig:
        rig.run("cp", str(tmp_path / "main.py"), ":main.py")
        with Serial(rig.port) as serial:
            serial.enter_repl()
            serial.write(b"\x04")
            told = 0
            for cut in range(4):
                serial.wait_for(b"at ")
                told = int(serial.wait_for(b"\r\n"))
                # A different moment each time.
                time.sleep(0.013 * cut)
                rig.control(power="cut")
                assert rig.chip_ids() == []
                serial.read_for(0.1)
                serial.seen = b""
                serial.write(b"print('nobody')\r")
                assert serial.read_for(0.2) == b""
                rig.control(power="on")
            serial.wait_for(b"at ")
        records = rig.run("cat", ":log").splitlines()
    assert len(records) >= told
    assert records == [f"{n:07d}" for n in range(len(records))]


def test_power_cut_that_leaves_the_first_block_erased_costs_nothing(tmp_path):
    turn = "for i in range(40):\n    with open('/f%d' % i, 'w') as f: f.write('x' * 40)\n"
    with board(tmp_path) as rig:
        rig.exec("with open('/kept', 'w') as f: f.write('still here')")
        flash = rig.folder / "flash.bin"
        # The newer of the first two blocks holds the root; it moves to the other when it is full.
        for _ in range(20):
            head = flash.read_bytes()[: 2 * BLOCK]
            revisions = [int.from_bytes(head[at : at + 4], "little") for at in (0, BLOCK)]
            if revisions[1] > revisions[0]:
                break
            rig.exec(turn)
        assert revisions[1] > revisions[0]
        rig.control(power="cut")
        with flash.open("r+b") as file:
            file.write(b"\xff" * BLOCK)
        rig.control(power="on")
        assert rig.eval("open('/kept').read()") == "still here"


def test_power_orders_can_be_repeated(tmp_path):
    with board(tmp_path) as rig:
        rig.control(power="on")
        assert rig.eval("1") == 1
        rig.control(power="cut")
        rig.control(power="cut")
        rig.control(adc_mv={"34": 500}, clock=1_500_000_000)
        rig.control(power="on")
        program = "import machine, time; print(machine.reset_cause(), time.gmtime()[0])\n"
        assert rig.resume(program) == "1 2000\n"
        assert rig.exec("import machine; print(machine.ADC(34, atten=3).read_uv())") == "500000\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"no json", "not JSON"),
        (b"[1]", "not an object"),
        (b"{}", f"not an object with one of {KNOWN}"),
        (b'{"supply": "cut"}', f"unknown key 'supply'; known are {KNOWN}"),
        (b'{"power": "off"}', "power: 'off' is none of"),
        (b'{"panic": 1}', "panic: 1 is not true"),
        (b'{"watchdog_haste": 0}', "watchdog_haste: 0 is not a number"),
        (b'{"clock": "now"}', "clock: 'now' is not a number"),
        (b'{"clock": 5}', "clock: 5 is not in the years"),
        (b'{"adc_mv": {"34": 9999}}', "9999 at pin 34"),
        (b'{"wlan": {"ssid": "x"}}', "wlan.password"),
        # The good half is not done either.
        (b'{"power": "cut", "clock": 5}', "clock: 5 is not in the years"),
    ],
)
def test_bad_order_is_answered_with_one_line_and_changes_nothing(one_board, line, words):
    answer = one_board.order(line)
    assert list(answer) == ["error"]
    assert words in answer["error"]
    assert "\n" not in answer["error"]
    assert len(one_board.chip_ids()) == 1


@pytest.fixture(scope="module")
def one_board(tmp_path_factory):
    with board(tmp_path_factory.mktemp("life")) as rig:
        yield rig


def test_info_file_tells_everything_and_the_socket_is_private(one_board):
    info = one_board.info
    assert set(info) == {"port", "pid", "dir", "unique_id", "control"}
    assert info["port"] == os.path.realpath(info["port"])
    assert stat.S_ISCHR(os.stat(info["port"]).st_mode)
    assert stat.S_IMODE(os.stat(info["control"]).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(Path(info["control"]).parent).st_mode) == 0o700


def test_same_folder_is_refused_and_the_first_goes_on(one_board):
    status, line = start("--dir", str(one_board.folder))
    assert status == 1
    assert f"in use by another virtual board (process {one_board.info['pid']})" in line
    assert one_board.eval("1 + 1") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_end_leaves_nothing_running_and_no_info_file(tmp_path, number):
    with board(tmp_path) as rig:
        pid, chips = rig.info["pid"], rig.chip_ids()
        assert len(chips) == 1
        os.kill(pid, number)
        wait_until(lambda: is_gone(pid))
        assert all(is_gone(chip) for chip in chips)
        assert not (tmp_path / "info.json").exists()
        assert not Path(rig.info["control"]).exists()


def test_killed_supervisor_takes_the_chip_with_it_and_the_board_starts_again(tmp_path):
    with board(tmp_path) as rig:
        rig.exec("with open('kept', 'w') as f: f.write('here')")
        pid, chips = rig.info["pid"], rig.chip_ids()
        # Even one that is busy and does not look at its terminal.
        with Serial(rig.port) as serial:
            serial.enter_repl()
            serial.write(b"while True: pass\r\r")
            serial.wait_for(b"... ")
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: all(is_gone(chip) for chip in chips))
    (tmp_path / "info.json").unlink()
    with board(tmp_path) as rig:
        assert rig.exec("print(open('kept').read())") == "here\n"


def test_long_path_of_the_folder_is_no_obstacle(tmp_path):
    deep = tmp_path / ("a" * 100) / ("b" * 100) / ("c" * 60)
    with board(deep) as rig:
        assert len(rig.info["control"]) <= 107
        rig.control(adc_mv={"34": 1000})
        assert rig.eval("1 + 1") == 2
        run = Path(rig.info["control"]).parent
    assert not run.exists()


def test_bad_start_is_one_line_and_leaves_nothing_half_made(tmp_path):
    status, line = start("--dir", str(tmp_path / "a"), "--flash-kb", "63")
    assert (status, "--flash-kb 63: give a multiple of 4" in line) == (2, True)
    with board(tmp_path, "--flash-kb", "128") as rig:
        assert rig.run("df").splitlines()[1].split()[1] == str(128 * 1024)
    status, line = start("--dir", str(tmp_path / "board"), "--flash-kb", "256")
    assert (status, "has a flash of 128 KB" in line) == (2, True)
    (tmp_path / "file").write_text("")
    status, line = start("--dir", str(tmp_path / "file"))
    assert (status, "--dir" in line) == (2, True)
    status, line = start("--dir", str(tmp_path / "b"), "--info-file", str(tmp_path / "no" / "i"))
    assert (status, "there is no such folder" in line) == (2, True)
    (tmp_path / "board" / "board.json").write_text("{}")
    status, line = start("--dir", str(tmp_path / "board"))
    assert (status, "board.json does not hold" in line) == (1, True)


def test_foreign_flash_is_not_formatted_but_told(tmp_path):
    with board(tmp_path):
        pass
    flash = tmp_path / "board" / "flash.bin"
    flash.write_bytes(b"something else" + bytes(200_000))
    flash.write_bytes(flash.read_bytes().ljust(204_800, b"x"))
    before = flash.read_bytes()
    with board(tmp_path) as rig, Serial(rig.port) as serial:
        serial.wait_for(b"The filesystem appears to be corrupted")
        serial.write(b"\x03")
        serial.wait_for(b">>> ")
    assert flash.read_bytes() == before


def test_output_that_nobody_reads_neither_stops_the_board_nor_grows_old(tmp_path):
    chatty = (
        "import time\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    print('line', n, 'x' * 90)\n"
        "    if n > 3000: time.sleep_ms(10)\n"
    )
    (tmp_path / "main.py").write_text(chatty)
    with board(tmp_path) as rig:
        rig.run("cp", str(tmp_path / "main.py"), ":main.py")
        rig.run("reset")
        # The first lines are held up for a moment, then nobody waits for a reader.
        time.sleep(8)
        with Serial(rig.port) as serial:
            first = int(serial.wait_for(b" xxx").split()[-2])
            old = len(serial.seen)
            serial.wait_for(b"x\r\nline ")
            later = int(serial.wait_for(b" ").strip())
        assert first > 3000
        assert later - first < 200
        assert old < 10_000


def test_ctrl_c_gets_through_to_a_program_that_does_not_read(tmp_path):
    with board(tmp_path) as rig, Serial(rig.port) as serial:
        serial.enter_repl()
        serial.write(b"import time\rprint('going'); time.sleep(60)\r")
        serial.wait_for(b"\r\ngoing\r\n")
        for _ in range(20):
            serial.write(b"noise " * 100)
        serial.write(b"\x03")
        serial.wait_for(b"KeyboardInterrupt")
        serial.wait_for(b">>> ")


def test_info_file_is_whole_when_it_appears(one_board, tmp_path):
    # `part` reads it the moment it exists; this only pins that it is one object and a line.
    text = (one_board.folder.parent / "info.json").read_text()
    assert text.endswith("\n")
    assert json.loads(text) == one_board.info


def test_ctrl_c_counts_however_soon_after_a_reset_it_comes(tmp_path):
    (tmp_path / "main.py").write_text("import time\nwhile True: time.sleep_ms(20)\n")
    with board(tmp_path) as rig:
        rig.run("cp", str(tmp_path / "main.py"), ":main.py")
        with Serial(rig.port) as serial:
            serial.enter_repl()
            # In one piece: the old chip is gone before anybody reads it.
            serial.write(b"import machine; machine.reset()\r\x03\r\x01")
            serial.wait_for(b"raw REPL; CTRL-B to exit\r\n>")
            serial.write(b"\x02")
            serial.wait_for(b">>> ")
            # From before the old program ends until the new one runs: ends, starts, boots.
            for delay_ms in range(0, 100, 4):
                serial.write(b"import machine; machine.reset()\r")
                time.sleep(delay_ms / 1000)
                serial.write(b"\r\x03")
                serial.write(b"\r\x01")
                serial.wait_for(b"raw REPL; CTRL-B to exit\r\n>")
                serial.write(b"\x02")
                serial.wait_for(b">>> ")
