"""What a program finds inside the virtual board is what it finds on the chip."""

import subprocess
import time
from pathlib import Path

import pytest
from vboard_rig import Serial, board

from ways_device import toolchain, vboard


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with board(tmp_path_factory.mktemp("chip")) as rig:
        yield rig


def cause_after(rig, program):
    """Run a program that ends in a reset; return the cause of that."""
    with Serial(rig.port) as serial:
        serial.enter_repl()
        serial.write(b"\x05" + program.replace("\n", "\r").encode() + b"\r\x04")
        serial.wait_for(b"for more information.\r\n>>> ")
        serial.write(b"import machine; print('cause', machine.reset_cause())\r")
        serial.wait_for(b"\r\ncause ")
        return int(serial.wait_for(b"\r\n"))


def test_platform_is_an_esp32(shared):
    found = shared.eval(
        "(lambda sys, os: [sys.platform, sys.maxsize, sys.implementation.name,"
        " list(os.uname())[:2], os.uname().machine, sys.implementation._machine,"
        " sys.implementation.version[0], sys.path, hasattr(os, 'getenv')])"
        "(__import__('sys'), __import__('os'))"
    )
    machine = "Generic ESP32 module with ESP32"
    assert found == [
        "esp32",
        2**31 - 1,
        "micropython",
        ["esp32", "esp32"],
        machine,
        machine,
        1,
        ["", ".frozen", "/lib"],
        False,
    ]


def test_time_is_whole_and_begins_in_2000(shared):
    shared.control(power="cut")
    shared.control(power="on")
    program = (
        "import time\n"
        "print(type(time.time()), time.time() < 100, time.gmtime(0), len(time.localtime()))\n"
        "print(time.gmtime(time.mktime((2026, 11, 23, 12, 30, 15, 0, 0))))\n"
        "print(time.mktime((2026, 11, 31, 0, 0, 0, 0, 0)) == time.mktime((2026,12,1,0,0,0,0,0)))\n"
        "print(time.time_ns() // 10**9 - time.time() in (0, 1))\n"
    )
    assert shared.exec(program).splitlines() == [
        "<class 'int'> True (2000, 1, 1, 0, 0, 0, 5, 1) 8",
        "(2026, 11, 23, 12, 30, 15, 0, 327)",
        "True",
        "True",
    ]


def test_error_numbers_are_newlibs(shared):
    names = ["ETIMEDOUT", "EHOSTUNREACH", "EINPROGRESS", "ENOTCONN", "ECONNRESET", "EAGAIN"]
    numbers = shared.eval(f"[getattr(__import__('errno'), n) for n in {names}]")
    assert numbers == [116, 118, 119, 128, 104, 11]
    assert shared.fail("raise OSError(116)").endswith("OSError: [Errno 116] ETIMEDOUT\n")


def test_modules_of_the_image_are_there_and_work(shared):
    program = (
        "import asyncio, dht, ds18x20, neopixel, network, ntptime, onewire, ssl, tls, esp32\n"
        "import umqtt.simple\n"
        "from machine import Pin, ADC\n"
        "sensor = dht.DHT22(Pin(5)); sensor.measure()\n"
        "print(15 < sensor.temperature() < 30, 20 < sensor.humidity() < 80)\n"
        "bus = ds18x20.DS18X20(onewire.OneWire(Pin(4)))\n"
        "bus.convert_temp(); print(bus.read_temp(bus.scan()[0]))\n"
        "strip = neopixel.NeoPixel(Pin(2), 3); strip[1] = (1, 2, 3); strip.write()\n"
        "print(strip[1], len(strip))\n"
        "print(50 < esp32.mcu_temperature() < 60, 120 < esp32.raw_temperature() < 140)\n"
        "led = Pin(2, Pin.OUT, value=1); print(led.value(), led())\n"
        "print(umqtt.simple.MQTTClient('me', 'localhost').port)\n"
    )
    assert shared.exec(program).splitlines() == [
        "True True",
        "19.25",
        "(1, 2, 3) 3",
        "True True",
        "1 1",
        "1883",
    ]


def test_adc_shows_the_voltage_that_was_ordered(shared):
    program = "from machine import ADC, Pin\nprint(ADC(Pin({}), atten=ADC.ATTN_11DB).read_uv())"
    assert shared.exec(program.format(34)) == "1950000\n"
    shared.control(adc_mv={"34": 1800, "32": 700})
    assert shared.exec(program.format(34)) == "1800000\n"
    assert shared.exec(program.format(32)) == "700000\n"
    assert shared.exec(program.format(33)) == "0\n"
    # More than the converter's full scale.
    shared.control(adc_mv={"34": 3300})
    assert shared.exec(program.format(34)) == "3100000\n"
    shared.control(adc_mv={"34": 1950})


def test_nvs_keeps_what_was_committed(shared):
    shared.exec(
        "from esp32 import NVS\n"
        "n = NVS('first'); n.set_i32('count', -7); n.set_blob('data', bytes(range(256)))\n"
        "n.commit(); n.set_i32('count', 8)\n"
        "m = NVS('second'); m.set_i32('count', 1); m.commit()\n"
    )
    shared.control(power="cut")
    shared.control(power="on")
    program = (
        "from esp32 import NVS\n"
        "def why(f, *a):\n"
        "    try: f(*a)\n"
        "    except OSError as e: print(e)\n"
        "n = NVS('first'); buf = bytearray(300)\n"
        "print(n.get_i32('count'), n.get_blob('data', buf), buf[:256] == bytes(range(256)))\n"
        "print(NVS('second').get_i32('count'))\n"
        "why(n.get_i32, 'none'); why(n.get_i32, 'data'); why(n.get_blob, 'data', bytearray(10))\n"
        "why(n.set_i32, 'sixteen_letters_', 1); why(NVS, 'sixteen_letters_')\n"
        "n.erase_key('count'); n.commit(); why(n.get_i32, 'count'); why(n.erase_key, 'count')\n"
    )
    not_found = "(-4354, 'ESP_ERR_NVS_NOT_FOUND')"
    too_long = "(-4361, 'ESP_ERR_NVS_KEY_TOO_LONG')"
    assert shared.exec(program).splitlines() == [
        "-7 256 True",
        "1",
        not_found,
        not_found,
        "(-4364, 'ESP_ERR_NVS_INVALID_LENGTH')",
        too_long,
        too_long,
        not_found,
        not_found,
    ]


def test_causes_and_memories_of_each_kind_of_reset(shared):
    look = "from machine import RTC, reset_cause; print(reset_cause(), RTC().memory())"
    shared.control(power="cut")
    shared.control(power="on")
    shared.exec(
        "import machine; r = machine.RTC(); r.memory(b'kept')\n"
        "r.datetime((2030, 1, 1, 0, 0, 0, 0, 0))"
    )
    in_2030 = "import time\nprint(time.gmtime()[0])"
    assert shared.exec(look) == "5 b'kept'\n"
    assert cause_after(shared, "import machine; machine.reset()") == 2
    assert shared.exec(look) == "5 b'kept'\n"
    assert cause_after(shared, "import machine; machine.deepsleep(300)") == 4
    assert cause_after(shared, "import machine; machine.WDT(timeout=300)\nwhile True: pass") == 3
    assert shared.exec(look) == "5 b'kept'\n"
    assert shared.exec(in_2030) == "2030\n"
    shared.control(power="cut")
    shared.control(power="on")
    assert shared.resume(look) == "1 b''\n"
    assert shared.exec(in_2030) == "2000\n"
    too_long = "import machine; machine.RTC().memory(bytes(2049))"
    assert shared.fail(too_long).endswith("ValueError: buffer too long\n")


def test_deep_sleep_is_silent_and_lasts(shared):
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"import machine\r")
        serial.wait_for(b">>> ")
        began_s = time.monotonic()
        serial.write(b"machine.deepsleep(1500)\r")
        serial.wait_for(b"deepsleep(1500)\r\n")
        while shared.chip_ids():
            assert time.monotonic() < began_s + 1.4, "the chip did not go to sleep"
            time.sleep(0.01)
        serial.write(b"print('lost')\r")
        serial.wait_for(b">>> ")
        assert time.monotonic() - began_s >= 1.5
        serial.write(b"print(machine.reset_cause() if 'machine' in globals() else 'fresh')\r")
        assert b"lost" not in serial.wait_for(b"fresh\r\n")


def test_watchdog_bites_only_when_it_is_not_fed(shared):
    program = (
        "import machine, time\n"
        "dog = machine.WDT(timeout=700)\n"
        "for n in range(15): time.sleep_ms(100); dog.feed()\n"
        "print('fed for long')\n"
        "time.sleep(30)"
    )
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"\x05" + program.replace("\n", "\r").encode() + b"\r\x04")
        serial.wait_for(b"\r\nfed for long\r\n")
        began_s = time.monotonic()
        serial.wait_for(b"the watchdog was not fed for 0.7 s")
        assert time.monotonic() - began_s < 5
        serial.wait_for(b">>> ")
    assert shared.resume("import machine; print(machine.reset_cause())") == "3\n"


def test_watchdog_stays_armed_over_a_soft_reset(shared):
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"import machine; machine.WDT(timeout=1000)\r")
        serial.wait_for(b"\n>>> ")
        serial.write(b"\x04")
        serial.wait_for(b"soft reboot")
        serial.wait_for(b"the watchdog was not fed for 1 s")
        serial.wait_for(b">>> ")


@pytest.mark.parametrize("meanwhile", ["", "while True: pass", "time.sleep(20)"])
def test_timer_fires_at_the_idle_prompt_and_under_a_busy_program(shared, meanwhile):
    program = (
        "import machine, time\n"
        "machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=300,"
        " callback=lambda t: machine.reset())\n" + meanwhile
    )
    assert cause_after(shared, program) == 2


def test_timer_repeats_until_it_is_stopped(shared):
    program = (
        "import machine, time\n"
        "seen = []\n"
        "timer = machine.Timer(1)\n"
        "def note(timer): seen.append(time.ticks_ms())\n"
        "timer.init(period=50, mode=machine.Timer.PERIODIC, callback=note)\n"
        "time.sleep_ms(480)\n"
        "timer.deinit()\n"
        "count = len(seen)\n"
        "time.sleep_ms(150)\n"
        "print(count == len(seen), [time.ticks_diff(b, a) for a, b in zip(seen, seen[1:])])\n"
    )
    stopped, _, gaps = shared.exec(program).partition(" ")
    assert stopped == "True"
    gaps_ms = [int(gap) for gap in gaps.strip("[]\n").split(",")]
    assert 5 <= len(gaps_ms) <= 9
    assert abs(sum(gaps_ms) - 50 * len(gaps_ms)) < 60


def test_boot_and_main_share_their_names_and_run_in_order(shared, tmp_path):
    (tmp_path / "boot.py").write_text("seen = ['boot', __file__]\n")
    (tmp_path / "main.py").write_text("seen += ['main', __file__, __name__]\nprint(seen)\n1 / 0\n")
    shared.run("cp", str(tmp_path / "boot.py"), str(tmp_path / "main.py"), ":")
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"\x04")
        serial.wait_for(b"['boot', 'boot.py', 'main', 'main.py', '__main__']\r\n")
        # An exception ends main.py, and the prompt comes.
        serial.wait_for(b'File "main.py", line 3, in <module>\r\nZeroDivisionError')
        serial.wait_for(b">>> ")
        serial.write(b"len(seen)\r")
        serial.wait_for(b"5\r\n>>> ")
    # One that ends boot.py keeps main.py from running.
    (tmp_path / "boot.py").write_text("print('boot'); nonsense\n")
    shared.run("cp", str(tmp_path / "boot.py"), ":")
    with Serial(shared.port) as serial:
        serial.enter_repl()
        serial.write(b"\x04")
        assert b"main" not in serial.wait_for(b"more information.\r\n>>> ")
    # mpremote's soft reset runs boot.py alone.
    (tmp_path / "boot.py").write_text("print('boot')\n")
    (tmp_path / "main.py").write_text("print('main')\n")
    shared.run("cp", str(tmp_path / "boot.py"), str(tmp_path / "main.py"), ":")
    assert "main" not in shared.run("soft-reset", "eval", "1")
    shared.run("rm", ":boot.py", ":main.py")


def test_full_flash_is_an_error_and_leaves_the_rest_alone(tmp_path):
    with board(tmp_path, "--flash-kb", "64") as rig:
        program = (
            "with open('kept', 'w') as f: f.write('here')\n"
            "try:\n"
            "    with open('big', 'wb') as f:\n"
            "        for n in range(100): f.write(bytes(1024)); f.flush()\n"
            "except OSError as e: print(e.errno)\n"
            "print(open('kept').read())\n"
        )
        assert rig.exec(program).splitlines()[-2:] == ["28", "here"]


def test_interrupt_between_writes_leaves_the_file_system_sound(shared, tmp_path):
    """Ctrl-C is raised between two operations, as on the chip, never inside one."""
    program = (
        "import os\n"
        "n = 0\n"
        "print('going')\n"
        "while True:\n"
        "    with open('file%d' % (n % 7), 'wb') as f: f.write(b'%05d' % n * 100)\n"
        "    n += 1\n"
    )
    with Serial(shared.port) as serial:
        serial.enter_repl()
        for _ in range(10):
            serial.write(b"\x05" + program.replace("\n", "\r").encode() + b"\r\x04")
            serial.wait_for(b"\r\ngoing\r\n")
            serial.read_for(0.1)
            serial.write(b"\x03")
            serial.wait_for(b"KeyboardInterrupt")
            serial.wait_for(b">>> ")
            # Without a reset: what littlefs holds in memory has to be right as well.
            serial.write(b"sum(len(open(f).read()) for f in os.listdir() if f[:4] == 'file')\r")
            answer = serial.wait_for(b"\r\n>>> ")
            assert b"Error" not in answer, answer
    sizes = shared.eval("[s[3] for s in __import__('os').ilistdir() if s[0][:4] == 'file']")
    assert set(sizes) <= {0, 500}
    for number in range(7):
        shared.mpremote("rm", f":file{number}")


def run_inside(program):
    """Run a program in the chip's interpreter, in the midst of its own modules; return lines."""
    done = subprocess.run(
        [toolchain.micropython(), "-c", program],
        cwd=Path(vboard.__file__).parent / "chip",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_interrupt_waits_until_the_flash_was_served():
    """The same, seen from inside: whoever holds interrupts off gets to its end."""
    program = (
        "import sys, time\n"
        "sys.path[:] = ['', '.frozen']\n"
        "from _chip import libc, signals\n"
        "signals.install(lambda: None)\n"
        "me = libc.function('i', 'getpid', '')()\n"
        "signals.hold()\n"
        "libc.function('i', 'kill', 'ii')(me, 2)\n"
        "for n in range(50): time.sleep_ms(1)\n"
        "print('undisturbed')\n"
        "signals.release()\n"
        "try: time.sleep(10)\n"
        "except KeyboardInterrupt: print('then interrupted')\n"
    )
    assert run_inside(program) == ["undisturbed", "then interrupted"]


def test_interrupt_of_a_chip_that_leaves_is_told_to_the_supervisor():
    program = (
        "import sys\n"
        "sys.path[:] = ['', '.frozen']\n"
        "from _chip import host, libc, signals, tty\n"
        "signals.install(lambda: None)\n"
        "me = libc.function('i', 'getpid', '')()\n"
        "kill = libc.function('i', 'kill', 'ii')\n"
        "class Wire:\n"
        "    def send(self, message): print(message['reset'], message['interrupted'])\n"
        "host.wire = Wire()\n"
        # The last moment at which a Ctrl-C can still be a signal.
        "tty.set_interrupts = lambda on: kill(me, 2) if not on else None\n"
        "host.leave({'reset': 'hard'})\n"
    )
    assert run_inside(program) == ["hard True"]
    assert run_inside(program.replace("kill(me, 2)", "None")) == ["hard False"]


def test_program_can_be_interrupted_when_the_host_reads_that_it_starts():
    program = (
        "import sys\n"
        "sys.path[:] = ['', '.frozen']\n"
        "from _chip import program, tty\n"
        "tty.set_mode = lambda cooked, interrupts: print('interrupts', interrupts)\n"
        "tty.write = lambda words: print(words)\n"
        "program.execute(lambda: print('runs'), 'starts')\n"
    )
    lines = run_inside(program)
    assert lines[: lines.index("runs")] == ["interrupts True", "starts", "interrupts True"]


def test_ctrl_c_between_the_boot_scripts_keeps_main_from_starting(tmp_path):
    boot = (
        "import builtins, time\n"
        "usual_open = builtins.open\n"
        "def slow_open(*arguments):\n"
        "    builtins.open = usual_open\n"
        "    print('between')\n"
        "    time.sleep(3)\n"
        "    return usual_open(*arguments)\n"
        "builtins.open = slow_open\n"
    )
    (tmp_path / "boot.py").write_text(boot)
    (tmp_path / "main.py").write_text("print('main runs')\n")
    with board(tmp_path) as rig:
        rig.run("cp", str(tmp_path / "main.py"), ":main.py")
        rig.run("cp", str(tmp_path / "boot.py"), ":boot.py")
        with Serial(rig.port) as serial:
            serial.enter_repl()
            serial.write(b"import machine; machine.reset()\r")
            serial.wait_for(b"\r\nbetween\r\n")
            serial.write(b"\x03")
            booted = serial.wait_for(b">>> ")
    assert b"KeyboardInterrupt" in booted
    assert b"main runs" not in booted


@pytest.mark.parametrize(
    "program",
    [
        "import time\nprint('going')\ntime.sleep(100)",
        "print('going')\nkept = []\nwhile True: kept.append(str(kept)[:9]); kept = kept[-50:]",
        "import asyncio\nasync def main():\n    print('going')\n"
        "    while True: await asyncio.sleep_ms(3)\nasyncio.run(main())",
        "import machine\nmachine.Timer(0).init(period=1, callback=lambda t: None)\n"
        "print('going')\nwhile True: pass",
    ],
    ids=["asleep", "allocating", "asyncio", "with a timer"],
)
def test_interrupt_reaches_every_kind_of_program_every_time(shared, program):
    with Serial(shared.port) as serial:
        serial.enter_repl()
        for presses in (1, 2, 3, 1, 1):
            serial.write(b"\x05" + program.replace("\n", "\r").encode() + b"\r\x04")
            serial.wait_for(b"\r\ngoing\r\n")
            serial.write(b"\x03" * presses)
            serial.wait_for(b"KeyboardInterrupt")
            serial.wait_for(b">>> ")
        serial.write(b"import machine; machine.Timer(0).deinit()\r")
        serial.wait_for(b"deinit()\r\n")


def test_loop_that_only_feeds_the_watchdog_does_not_drown_the_supervisor(shared):
    program = (
        "import machine, time\n"
        "dog = machine.WDT(timeout=2000)\n"
        "end = time.ticks_add(time.ticks_ms(), 500)\n"
        "while time.ticks_diff(end, time.ticks_ms()) > 0: dog.feed()\n"
        "print('done')\n"
    )
    assert shared.exec(program) == "done\n"


def test_id_of_a_board_stays_and_differs_from_others(tmp_path):
    ids = []
    for name in ("a", "a", "b"):
        with board(tmp_path / name) as rig:
            ids.append(rig.info["unique_id"])
            program = "import machine; print(machine.unique_id().hex())"
            assert rig.exec(program).strip() == rig.info["unique_id"]
            mac = "import network; print(network.WLAN(0).config('mac').hex())"
            assert rig.exec(mac).strip() == rig.info["unique_id"]
    assert ids[0] == ids[1] != ids[2]
    assert all(len(one) == 12 for one in ids)
