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
    try:
        dns.parse(reply, len(reply), request())
    except OSError:
        return True
    return False


def test_the_first_address_is_found_behind_aliases():
    for records in ([A], [ALIAS, A], [ALIAS, ALIAS, A, A]):
        reply = answer(records)
        assert dns.parse(reply, len(reply), request()) == "10.1.2.3"


def test_answers_that_are_not_ours_or_hold_no_address_are_refused():
    assert refused(answer([A], number=0x4321))
    assert refused(answer([A], flags=0x0100))
    assert refused(answer([A], flags=0x8183))
    assert refused(answer([A], question=QUESTION.replace(b"iot", b"fob")))
    assert refused(answer([]))
    assert refused(answer([ALIAS]))
    assert refused(answer([record(28, bytes(16))]))
    assert refused(b"")


def test_no_cut_or_damage_is_worse_than_a_refusal():
    good = answer([ALIAS, A])
    for at in range(len(good)):
        refused(good[:at])
        for bits in (0x01, 0x80, 0xFF):
            bad = bytearray(good)
            bad[at] ^= bits
            refused(bytes(bad))


def test_addresses_are_told_from_names():
    assert [dns.is_address(host) for host in ("127.0.0.1", "10.0.0.256", "a.b.c.d", "1.2.3", "")] \
        == [True, False, False, False, False]  # fmt: skip


def serve(reply_to):
    """Return (socket, "address:port") of a name server; reply_to(query) gives what it answers."""
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
            reply = reply_to(query)
            if reply:
                sock.sendto(reply, peer)

    return task, "127.0.0.1:%d" % port


def real(query):
    return answer([A], number=query[0] << 8 | query[1])


def looked_up(*servers, name="iot.example", resolver=None):
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
    dns._TRY_MS = 50
    assert looked_up(serve(lambda query: None), serve(real)) == "10.1.2.3"


def test_the_last_good_address_serves_when_nobody_answers():
    dns._TRY_MS = 50
    answers = [real, lambda query: None]
    task, at = serve(lambda query: answers[0](query))  # noqa: PLW0108 - it changes
    resolver = dns.Resolver(lambda: [at])
    assert looked_up((task, at), resolver=resolver) == "10.1.2.3"
    answers.pop(0)
    assert looked_up((task, at), resolver=resolver) == "10.1.2.3"


def test_with_no_answer_at_all_the_error_names_host_and_server():
    dns._TRY_MS = 50
    task, at = serve(lambda query: None)
    try:
        looked_up((task, at))
    except OSError as exc:
        assert "iot.example" in str(exc) and at in str(exc)
        return
    raise AssertionError("resolved")
