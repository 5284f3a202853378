"""The fault proxy and the silent peers: each thing they can do, against a real echo server."""

import contextlib
import errno
import select
import socket
import threading
import time

import pytest
from faultnet import NameServer, deaf_port
from faultplan import Cut, Dribble, Mute, StopReading
from faultproxy import FaultProxy

DEADLINE_S = 10
# A machine that is busy may be late; it is never early.
QUIET_S = 0.1


@pytest.fixture(scope="module")
def echo():
    """The address of a server that says again what it hears, to the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(peer):
            with contextlib.suppress(OSError), peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while data := peer.recv(65536):
                    peer.sendall(data)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    threading.Thread(target=serve, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE_S)


@contextlib.contextmanager
def client_of(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def receive(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        assert more, f"ended after {data!r}"
        data += more
    return data


def all_that_comes(proxy, says, is_silent=False):
    """Connect, say something; return what came, and how it ended: "" if it went silent."""
    data = b""
    try:
        # A reset may come as early as that the connect reports it.
        with client_of(proxy) as client:
            client.sendall(says)
            if is_silent:
                eventually(lambda: proxy.connections and proxy.connections[0].ended)
                client.settimeout(QUIET_S)
            while more := client.recv(64):
                data += more
    except ConnectionError:
        return data, "reset"
    except TimeoutError:
        return data, ""
    return data, "close"


def is_quiet(client):
    return not select.select([client], [], [], QUIET_S)[0]


def eventually(ask):
    end_s = time.monotonic() + DEADLINE_S
    while not ask():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_without_a_fault_it_is_not_noticed(echo):
    with FaultProxy(echo, record=True) as proxy, client_of(proxy) as client:
        for word in (b"one", b"three"):
            client.sendall(word)
            assert receive(client, len(word)) == word
        for sock in (proxy.connections[0]._client, proxy.connections[0]._server):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(9) == b""
    (connection,) = proxy.connections
    assert (connection.up.bytes, connection.up.pieces) == (8, 2)
    assert (connection.down.bytes, connection.down.pieces) == (8, 2)
    assert [row[1:] for row in connection.record] == [
        ("up", b"one"),
        ("down", b"one"),
        ("up", b"three"),
        ("down", b"three"),
    ]
    assert connection.ended == ""


def test_the_delay_is_that_of_each_way_and_neither_reorders_nor_limits(echo):
    words = [b"%04d" % number for number in range(50)]
    with FaultProxy(echo, record=True) as proxy, client_of(proxy) as client:
        proxy.delay_s = 0.1
        began = time.monotonic()
        for count, word in enumerate(words, 1):
            client.sendall(word)
            eventually(lambda count=count: is_at(proxy, 4 * count))
        assert receive(client, 200) == b"".join(words)
        # One after the other would take 10 s.
        assert 0.2 <= time.monotonic() - began < 5
        record = proxy.connections[0].record
        ups = [row for row in record if row[1] == "up"]
        downs = [row for row in record if row[1] == "down"]
        assert ups[0][0] - began >= 0.1 and downs[0][0] - began >= 0.2
        # What was written piece by piece is passed on piece by piece.
        assert [row[2] for row in ups] == words


def is_at(proxy, count):
    return proxy.connections and proxy.connections[0].up.came == count


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("after", [0, 1, 7])
@pytest.mark.parametrize("how", ["close", "reset", "silence"])
def test_a_cut_comes_after_exactly_so_many_bytes(echo, direction, after, how):
    with FaultProxy(echo) as proxy:
        proxy.plan = Cut(direction, after, how)
        data, end = all_that_comes(proxy, b"0123456789", how == "silence")
        (connection,) = proxy.connections
        assert end == ("" if how == "silence" else how)
        assert connection.ended == how
        assert getattr(connection, direction).bytes == after
        # What was cut off on its way out never comes back.
        assert b"0123456789"[:after].startswith(data)
        if direction == "down" and how != "reset":
            assert len(data) == after


def test_a_cut_by_close_is_no_reset_for_who_goes_on_writing(echo):
    with FaultProxy(echo) as proxy:
        proxy.plan = Cut("down", 4, "close")
        with client_of(proxy) as client:
            client.sendall(b"01234")
            assert receive(client, 4) == b"0123"
            assert client.recv(1) == b""
            (connection,) = proxy.connections
            for count in (10, 15):
                client.sendall(b"56789")
                eventually(lambda count=count: connection.up.came == count)
            assert connection.up.bytes == 5


def test_a_muted_direction_says_nothing_while_the_other_goes_on(echo):
    with FaultProxy(echo) as proxy:
        proxy.plan = Mute("down", after=3)
        with client_of(proxy) as client:
            client.sendall(b"01234")
            assert receive(client, 3) == b"012"
            client.sendall(b"56789")
            assert is_quiet(client)
            (connection,) = proxy.connections
            eventually(lambda: connection.up.bytes == connection.down.came == 10)
            connection.plan = None
            client.sendall(b"again")
            assert receive(client, 5) == b"again"


def test_a_mute_peer_takes_the_connection_and_says_nothing(echo):
    with FaultProxy(echo) as proxy:
        proxy.plan = Mute("down")
        with client_of(proxy) as client:
            client.sendall(b"hello?")
            assert is_quiet(client)


def test_a_dribble_is_one_byte_at_a_time(echo):
    with FaultProxy(echo, record=True) as proxy:
        proxy.plan = Dribble("down", every_s=0.02, after=2)
        with client_of(proxy) as client:
            began = time.monotonic()
            client.sendall(b"0123456")
            assert receive(client, 7) == b"0123456"
            assert time.monotonic() - began >= 0.1
        pieces = [row[2] for row in proxy.connections[0].record if row[1] == "down"]
        assert pieces == [b"01", b"2", b"3", b"4", b"5", b"6"]


def test_what_is_written_to_a_peer_that_stops_reading_backs_up(echo):
    with FaultProxy(echo) as proxy:
        proxy.plan = StopReading("up", after=4)
        with client_of(proxy) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            client.sendall(b"four")
            assert receive(client, 4) == b"four"
            client.settimeout(QUIET_S)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 1 << 24:
                    sent += client.send(b"x" * 4096)
            (connection,) = proxy.connections
            assert connection.up.came == 4
            assert sent < 1 << 20
            # The other way is open, and reading goes on when it is told to.
            connection.plan = None
            client.settimeout(DEADLINE_S)
            assert receive(client, sent) == b"x" * sent


def test_a_forgotten_flow_is_dead_both_ways_and_a_new_one_works(echo):
    with FaultProxy(echo) as proxy, client_of(proxy) as old:
        old.sendall(b"before")
        assert receive(old, 6) == b"before"
        proxy.forget()
        old.sendall(b"lost")
        assert is_quiet(old)
        with client_of(proxy) as new:
            new.sendall(b"new")
            assert receive(new, 3) == b"new"
        assert is_quiet(old)
        first, second = proxy.connections
        assert (first.ended, second.ended) == ("silence", "")
        assert first.up.bytes == first.down.bytes == 6
        # Its client leaves, and the target is not told of that either.
        old.shutdown(socket.SHUT_WR)
        assert is_quiet(old)


def test_a_black_hole_swallows_everything_until_it_heals(echo):
    with FaultProxy(echo) as proxy, client_of(proxy) as old:
        old.sendall(b"before")
        assert receive(old, 6) == b"before"
        proxy.black_hole()
        with client_of(proxy) as new:
            old.sendall(b"old")
            new.sendall(b"new")
            assert is_quiet(old) and is_quiet(new)
            eventually(lambda: len(proxy.connections) == 2)
            assert proxy.connections[1].up.bytes == 0
            proxy.heal()
            # As with TCP on a network that comes back: late, and nothing is missing.
            assert receive(old, 3) == b"old"
            assert receive(new, 3) == b"new"


def test_a_cut_may_be_planned_when_it_is_due_already(echo):
    with FaultProxy(echo) as proxy, client_of(proxy) as client:
        client.sendall(b"0123")
        assert receive(client, 4) == b"0123"
        proxy.connections[0].plan = Cut("up", 2, "close")
        client.sendall(b"4567")
        assert client.recv(4) == b""
        assert proxy.connections[0].up.bytes == 4


def test_a_connection_can_be_ended_by_hand(echo):
    with FaultProxy(echo) as proxy, client_of(proxy) as client:
        client.sendall(b"x")
        assert receive(client, 1) == b"x"
        proxy.connections[0].end("reset")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_nobody_behind_it_is_a_reset():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()
    with FaultProxy(nobody) as proxy:
        assert all_that_comes(proxy, b"") == (b"", "reset")


def test_it_leaves_nothing_open(echo):
    with FaultProxy(echo) as proxy:
        port = proxy.port
        proxy.plan = Cut("up", 0, "silence")
        client = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        eventually(lambda: proxy.connections and proxy.connections[0].ended)
    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), DEADLINE_S)
    assert not proxy._thread.is_alive()


def test_a_deaf_port_neither_takes_nor_refuses():
    with deaf_port() as port, socket.socket() as client:
        client.setblocking(False)
        assert client.connect_ex(("127.0.0.1", port)) == errno.EINPROGRESS
        assert not select.select([], [client], [], QUIET_S)[1]


def test_a_name_server_is_mute_when_told():
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    with NameServer(is_mute=True) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        host, _, port = server.address.partition(":")
        client.settimeout(DEADLINE_S)
        client.sendto(question, (host, int(port)))
        eventually(lambda: server.asked == 1)
        assert is_quiet(client)
        server.is_mute = False
        client.sendto(question, (host, int(port)))
        answer = client.recv(512)
        assert answer[:2] == question[:2] and answer[2] & 0x80
        assert answer[12 : len(question)] == question[12:]
        assert answer[-4:] == bytes([127, 0, 0, 1])
