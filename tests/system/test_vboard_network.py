"""The virtual board's Wi-Fi and sockets behave as the chip's, down to the names of errors."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
from certificates import Authority
from tlsserver import tls_server
from vboard_rig import Serial, board

GOOD = {"ssid": "lab", "password": "secret-words"}
JOIN = (
    "import network, time\n"
    "w = network.WLAN(network.WLAN.IF_STA); w.active(True)\n"
    "def until(wanted, limit_ms=8000):\n"
    "    start = time.ticks_ms()\n"
    "    while w.status() != wanted:\n"
    "        if time.ticks_diff(time.ticks_ms(), start) > limit_ms:\n"
    "            raise Exception('status is %d' % w.status())\n"
    "        time.sleep_ms(5)\n"
    "    return time.ticks_diff(time.ticks_ms(), start)\n"
    "def why(f, *a):\n"
    "    try: return f(*a)\n"
    "    except OSError as e: return e\n"
)
UP = JOIN + "w.isconnected() or w.connect('lab', 'secret-words'); until(1010)\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with board(tmp_path_factory.mktemp("network")) as rig:
        yield rig


@pytest.fixture
def rig(shared):
    """A board that was just switched on, with the network lab in the air."""
    shared.control(power="cut")
    shared.control(wlan=GOOD)
    shared.control(power="on")
    return shared


@contextmanager
def echo():
    """A server on a free port that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(link,), daemon=True).start()

        def answer(link):
            with link:
                while data := link.recv(4096):
                    link.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_join_and_what_is_known_then(rig):
    program = JOIN + (
        "print(w.status(), w.isconnected(), w.ifconfig()[0])\n"
        "w.connect('lab', 'secret-words'); print(w.status())\n"
        "took = until(1010); print(40 <= took < 2000)\n"
        "print(w.isconnected(), w.ifconfig()[0], len(w.ifconfig()[3].split('.')))\n"
        "print(w.config('ssid'), -66 < w.status('rssi') < -56, w.scan()[0][0])\n"
        "w.disconnect(); print(w.status(), w.isconnected())\n"
    )
    assert rig.exec(program).splitlines() == [
        "1000 False 0.0.0.0",
        "1001",
        "True",
        "True 127.0.0.1 4",
        "lab True b'lab'",
        "1000 False",
    ]


def test_default_network_is_the_one_that_is_stated(tmp_path):
    with board(tmp_path) as rig:
        program = JOIN + "w.connect('ways-sandbox', 'ways-sandbox-password'); until(1010)\n"
        rig.exec(program)


def test_errors_have_the_drivers_names(rig):
    program = (
        "import network\n"
        "w = network.WLAN()\n"
        "def why(f, *a):\n"
        "    try: f(*a)\n"
        "    except Exception as e: print(repr(e))\n"
        "why(w.connect, 'lab', 'secret-words')\n"
        "w.active(True); w.connect('nowhere', ''); why(w.connect, 'lab', 'secret-words')\n"
        "why(w.config, 'nonsense'); why(network.WLAN, 7)\n"
    )
    assert rig.exec(program).splitlines() == [
        "OSError('Wifi Not Started',)",
        "OSError('Wifi Internal Error',)",
        "ValueError('unknown config param',)",
        "ValueError('invalid WLAN interface identifier',)",
    ]


@pytest.mark.parametrize(
    ("ssid", "password", "status"), [("lab", "wrong", 202), ("elsewhere", "secret-words", 201)]
)
def test_refusal_is_named_where_retries_are_limited_and_hidden_where_not(
    rig, ssid, password, status
):
    program = JOIN + (
        f"w.config(reconnects=1); w.connect('{ssid}', '{password}')\n"
        f"until({status}); print(w.isconnected(), w.config('reconnects'))\n"
        f"w.config(reconnects=-1); w.connect('{ssid}', '{password}')\n"
        "time.sleep_ms(1000); print(w.status())\n"
    )
    assert rig.exec(program).splitlines() == ["False 1", "1001"]


def test_script_takes_the_link_away_and_brings_it_back(rig):
    rig.exec(UP)
    rig.control(
        wlan={
            **GOOD,
            "script": [
                {"after_ms": 0, "state": "down"},
                {"after_ms": 1500, "state": "up", "rssi": -85},
            ],
        }
    )
    program = JOIN + (
        "assert not w.isconnected()\n"
        "print(w.status(), w.ifconfig()[0], why(w.status, 'rssi'))\n"
        "until(1010); print(-90 < w.status('rssi') < -80)\n"
    )
    # The driver tries again by itself: nobody calls connect().
    assert rig.resume(program).splitlines() == ["1001 0.0.0.0 WiFi not connected", "True"]


def test_link_survives_a_soft_reset_and_not_a_hard_one(rig):
    rig.exec(UP)
    assert rig.exec("import network; print(network.WLAN().isconnected())") == "True\n"
    with Serial(rig.port) as serial:
        serial.enter_repl()
        serial.write(b"import machine\rmachine.reset()\r")
        serial.wait_for(b"machine.reset()\r\n")
        serial.wait_for(b">>> ")
    look = "import network; print(network.WLAN().isconnected(), network.WLAN().active())"
    assert rig.resume(look) == "False False\n"


def test_without_a_link_nothing_is_reached(rig):
    with echo() as port:
        program = JOIN + (
            "import socket\n"
            "def connect():\n"
            f"    s = socket.socket(); s.settimeout(5); s.connect(('127.0.0.1', {port}))\n"
            "    s.send(b'hello'); return s.recv(5)\n"
            "print(why(connect)); print(why(socket.getaddrinfo, 'example.org', 80))\n"
            "w.connect('lab', 'secret-words'); until(1010); print(why(connect))\n"
        )
        assert rig.exec(program).splitlines() == ["118", "-202", "b'hello'"]


def test_open_connection_falls_silent_while_the_link_is_down(rig):
    with echo() as port:
        rig.exec(
            UP + "import socket\n"
            f"s = socket.socket(); s.connect(('127.0.0.1', {port})); s.settimeout(0.3)\n"
        )
        rig.control(wlan={**GOOD, "script": [{"after_ms": 0, "state": "down"}]})
        program = (
            "start = time.ticks_ms()\n"
            "print(why(s.recv, 5), time.ticks_diff(time.ticks_ms(), start) >= 300)\n"
            "print(why(s.send, b'lost'))\n"
            "s.setblocking(False); print(s.read(5), s.write(b'x'), why(s.recv, 5))\n"
        )
        assert rig.resume(program).splitlines() == [
            "116 True",
            "116",
            "None None [Errno 11] EAGAIN",
        ]
        rig.control(wlan=GOOD)
        program = "until(1010); s.settimeout(5); s.send(b'again'); print(s.recv(5))\n"
        assert rig.resume(program) == "b'again'\n"


def test_asyncio_streams_and_errors_work_over_the_chips_numbers(rig):
    with echo() as port, socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
        taken.close()
        program = UP + (
            "import asyncio, socket\n"
            "from errno import ECONNREFUSED, EINPROGRESS, ETIMEDOUT\n"
            "async def main():\n"
            f"    r, wr = await asyncio.open_connection('127.0.0.1', {port})\n"
            "    data = bytes(20000)\n"
            "    wr.write(data); await wr.drain(); print(await r.readexactly(20000) == data)\n"
            "    wr.close(); await wr.wait_closed()\n"
            "    try: await asyncio.wait_for_ms(r.read(1), 10)\n"
            "    except Exception as e: print(type(e).__name__)\n"
            "asyncio.run(main())\n"
            "s = socket.socket(); s.setblocking(False)\n"
            f"try: s.connect(('127.0.0.1', {port}))\n"
            "except OSError as e: print(e.errno == EINPROGRESS, e.errno)\n"
            "s = socket.socket()\n"
            f"print(why(s.connect, ('127.0.0.1', {closed})).errno == ECONNREFUSED)\n"
            "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', 0))\n"
            "v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(0.2)\n"
            "print(why(u.recvfrom, 9).errno == ETIMEDOUT)\n"
        )
        lines = rig.exec(program).splitlines()
    assert lines[0] == "True"
    assert lines[2:] == ["True 119", "True", "True"]


def test_datagrams_and_a_listening_socket(rig):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(20)
        program = UP + (
            "import socket\n"
            "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(10)\n"
            f"u.sendto(b'ping', ('127.0.0.1', {peer.getsockname()[1]}))\n"
            "data, sender = u.recvfrom(10); print(data, sender[0])\n"
        )
        answered = threading.Thread(target=lambda: peer.sendto(b"pong", peer.recvfrom(10)[1]))
        answered.start()
        assert rig.exec(program) == "b'pong' 127.0.0.1\n"
        answered.join()
    program = UP + (
        "import socket\n"
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); s.setblocking(False)\n"
        "try: s.accept()\n"
        "except OSError as e: print(e.errno)\n"
    )
    assert rig.exec(program) == "11\n"


CERTIFIED = (
    "import asyncio, tls, socket\n"
    "context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)\n"
    "context.load_verify_locations(bytes.fromhex('%s'))\n"
    "s = socket.socket(); s.settimeout(10); s.connect(('127.0.0.1', %d))\n"
    "try:\n"
    "    s = context.wrap_socket(s, server_hostname='localhost')\n"
    "    s.write(b'hello'); print('verified')\n"
    "except ValueError as e: print(e)\n"
)


@pytest.mark.parametrize("by", ["order", "rtc"])
def test_certificate_of_today_is_refused_until_the_board_knows_what_day_it_is(rig, tmp_path, by):
    authority = Authority()
    with tls_server(*authority.server(tmp_path)) as server:
        program = UP + CERTIFIED % (authority.der.hex(), server.port)
        assert "validity starts in the future" in rig.exec(program)
        assert server.application_bytes == 0
        if by == "order":
            rig.control(clock=time.time())
        else:
            rig.run("rtc", "--set")
        assert rig.exec(program) == "verified\n"
        # The clock goes on over a reset, and the right day can be left again.
        assert rig.exec(program) == "verified\n"
        rig.control(clock=1_000_000_000)
        assert rig.exec("import time; print(time.gmtime()[:3])") == "(2001, 9, 9)\n"
        assert "validity starts in the future" in rig.exec(program)


def test_tls_by_asyncio_keeps_other_tasks_running_and_names_a_wrong_host(rig, tmp_path):
    authority = Authority()
    rig.control(clock=time.time())
    with tls_server(*authority.server(tmp_path, "elsewhere")) as server:
        program = UP + (
            "import asyncio, tls\n"
            "context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)\n"
            f"context.load_verify_locations(bytes.fromhex('{authority.der.hex()}'))\n"
            "async def talk(name):\n"
            f"    r, wr = await asyncio.open_connection('127.0.0.1', {server.port},"
            " ssl=context, server_hostname=name)\n"
            "    wr.write(b'hello'); await wr.drain(); print('verified')\n"
            "ticks = []\n"
            "async def tick():\n"
            "    while True: ticks.append(1); await asyncio.sleep_ms(1)\n"
            "async def main():\n"
            "    asyncio.create_task(tick())\n"
            "    await talk('elsewhere')\n"
            "    try: await talk('localhost')\n"
            "    except ValueError as e: print('does not match' in str(e))\n"
            "    print(len(ticks) > 5)\n"
            "asyncio.run(main())\n"
        )
        assert rig.exec(program).splitlines() == ["verified", "True", "True"]
