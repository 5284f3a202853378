import asyncio
import socket
import struct

from firmware import dns

QUESTION = b"\x03iot\x07example\x00\x00\x01\x00\x01"


def request(number=0x1234):
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + QUESTION


def answer(records, number=0x1234, flags=0x8180, question=QUESTION, count=None):
    head = struct.pack("!HHHHHH", number, flags, 1, count or len(records), 0, 0)
    return head + question + b"".join(records)


def record(kind, data):
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


A = record(1, bytes((10, 1, 2, 3)))
ALIAS = record(5, b"\x03www\xc0\x10")


def refused(reply):
    """Tell whether an answer says no; one that is none to our request says nothing."""
    try:
        return dns.parse(reply, request()) is None and None
    except OSError:
        return True


class Quick:
    """asyncio for a module that has to wait long for nobody."""

    @staticmethod
    def sleep_ms(_ms):
        return asyncio.sleep_ms(1)


def test_the_first_address_is_found_behind_aliases():
    for records in ([A], [ALIAS, A], [ALIAS, ALIAS, A, A]):
        reply = answer(records)
        assert dns.parse(reply, request()) == "10.1.2.3"


def test_answers_that_hold_no_address_are_refused():
    assert refused(answer([A], flags=0x8182))
    assert refused(answer([A], flags=0x8183))
    assert refused(answer([]))
    assert refused(answer([ALIAS]))
    assert refused(answer([record(28, bytes(16))]))
    assert refused(answer([record(1, bytes(4))]))
    assert refused(answer([record(1, bytes(4))[:-2]]))


def test_what_is_no_answer_to_us_says_nothing():
    assert refused(answer([A], number=0x4321)) is None
    assert refused(answer([A], flags=0x0100)) is None
    assert refused(answer([A], question=QUESTION.replace(b"iot", b"fob"))) is None
    assert refused(b"") is None


def test_no_cut_or_damage_is_worse_than_a_refusal():
    good = answer([ALIAS, A])
    for at in range(len(good)):
        refused(good[:at])
        for bits in (0x01, 0x80, 0xFF):
            bad = bytearray(good)
            bad[at] ^= bits
            refused(bytes(bad))


def serve(reply_to):
    """Return (socket, "address:port") of a name server; reply_to(query) gives what it answers.

    That is bytes, a list of them, or None.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = 20000
    while True:
        try:
            sock.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
            break
        except OSError:
            port += 1
    sock.setblocking(False)

    async def task():
        while True:
            try:
                query, peer = sock.recvfrom(512)
            except OSError:
                await asyncio.sleep_ms(5)
                continue
            replies = reply_to(query) or ()
            for reply in replies if isinstance(replies, (list, tuple)) else (replies,):
                sock.sendto(reply, peer)

    return task, "127.0.0.1:%d" % port


def real(query):
    return answer([A], number=query[0] << 8 | query[1])


def looked_up(*servers, name="iot.example", resolver=None):
    dns.asyncio = Quick

    async def main():
        for task, _ in servers:
            asyncio.create_task(task())
        return await (resolver or dns.Resolver(lambda: [at for _, at in servers])).resolve(name)

    return asyncio.run(main())


def test_a_name_is_looked_up_at_a_real_socket():
    assert looked_up(serve(real)) == "10.1.2.3"


def test_localhost_and_addresses_are_asked_of_nobody():
    assert looked_up(name="localhost") == "127.0.0.1"
    assert looked_up(name="192.0.2.1") == "192.0.2.1"


def test_a_silent_server_costs_its_time_and_the_next_one_answers():
    assert looked_up(serve(lambda query: None), serve(real)) == "10.1.2.3"


def test_the_last_good_address_serves_when_nobody_answers():
    answers = [real, lambda query: None]
    task, at = serve(lambda query: answers[0](query))  # noqa: PLW0108 - it changes
    resolver = dns.Resolver(lambda: [at])
    assert looked_up((task, at), resolver=resolver) == "10.1.2.3"
    answers.pop(0)
    assert looked_up((task, at), resolver=resolver) == "10.1.2.3"


def test_with_no_answer_at_all_the_error_names_host_and_server():
    task, at = serve(lambda query: None)
    try:
        looked_up((task, at))
    except OSError as exc:
        assert "iot.example" in str(exc) and at in str(exc)
        return
    raise AssertionError("resolved")


def bad(**options):
    """Return a server whose every answer is wrong in one way."""
    return serve(lambda query: answer(options.get("records", [A]), query[0] << 8 | query[1],
                                      options.get("flags", 0x8180)))  # fmt: skip


def test_a_server_that_fails_or_tells_nonsense_is_passed_over():
    nowhere = record(1, bytes(4))
    for other in (bad(flags=0x8182), bad(flags=0x8183), bad(records=[]), bad(records=[nowhere])):
        assert looked_up(other, serve(real)) == "10.1.2.3"
    assert looked_up(bad(records=[nowhere, A])) == "10.1.2.3"


def test_a_true_answer_behind_one_to_somebody_else_is_found():
    def late(query):
        number = (query[0] << 8 | query[1]) ^ 1
        return [answer([record(1, bytes((6, 6, 6, 6)))], number=number), real(query)]

    assert looked_up(serve(late)) == "10.1.2.3"


def test_an_answer_from_another_socket_is_not_heard():
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard = []
    task, at = serve(heard.append)

    async def main():
        dns.asyncio = Quick
        asyncio.create_task(task())
        ports = range(32768, 61000)
        task_of = asyncio.create_task(dns.ask(at, 53, request(), dns.parse, 1600))
        while not heard:
            await asyncio.sleep_ms(1)
        # Whatever port was asked from: the answer comes from the wrong one.
        for port in ports:
            if port % 8 == 0:
                await asyncio.sleep_ms(0)
            stranger.sendto(real(heard[0]), socket.getaddrinfo("127.0.0.1", port)[0][-1])
        try:
            return await task_of
        except OSError as exc:
            return str(exc)

    assert asyncio.run(main()).startswith("no answer from 127.0.0.1")


def test_a_broker_that_moves_is_found_at_the_next_look_up():
    answers = [A, record(1, bytes((10, 9, 9, 9)))]
    task, at = serve(lambda query: answer(answers[:1], number=query[0] << 8 | query[1]))
    resolver = dns.Resolver(lambda: [at])
    assert looked_up((task, at), resolver=resolver) == "10.1.2.3"
    answers.pop(0)
    assert looked_up((task, at), resolver=resolver) == "10.9.9.9"
    answers[0] = record(1, bytes(4))
    assert looked_up((task, at), resolver=resolver) == "10.9.9.9"


def test_names_of_one_label_and_local_ones_are_asked_like_any_other():
    for name in ("broker", "broker.local"):
        asked = []

        def reply(query, asked=asked):
            asked.append(query[12:-4])
            return answer([A], number=query[0] << 8 | query[1], question=query[12:])

        assert looked_up(serve(reply), name=name) == "10.1.2.3"
        assert asked == [b"\x06broker\x00" if name == "broker" else b"\x06broker\x05local\x00"]


async def test_four_mute_servers_are_given_up_before_the_session_gives_the_look_up_up():
    slept = []

    class Counting:
        @staticmethod
        def sleep_ms(ms):
            slept.append(ms)
            return asyncio.sleep_ms(0)

    dns.asyncio = Counting
    mute = [serve(lambda query: None) for _ in range(5)]
    resolver = dns.Resolver(lambda: [at for _, at in mute])
    resolver._known["iot.example"] = "10.1.2.3"
    assert await resolver.resolve("iot.example") == "10.1.2.3"
    assert sum(slept) <= 6500
