import asyncio
import struct

from test_dns import Quick, serve

from firmware import dns, sntp

ERA_S = 2208988800
NOW_S = 1795392000


def reply_to(request, epoch_s=NOW_S, first=0x24, stratum=2, origin=None):
    reply = bytearray(48)
    reply[0], reply[1] = first, stratum
    reply[24:32] = request[40:48] if origin is None else origin
    struct.pack_into("!I", reply, 40, (epoch_s + ERA_S) & 0xFFFFFFFF)
    return bytes(reply)


REQUEST = bytes(40) + b"12345678"


def refusal(reply):
    """Return why a reply must not be believed, None if it is none to us, or its time."""
    try:
        return sntp.parse(reply, REQUEST)
    except ValueError as exc:
        return str(exc)


def test_a_true_reply_is_believed_before_and_after_the_turn_of_2036():
    for epoch_s in (NOW_S, 2085978495, 2085978497, 2200000000):
        assert sntp.parse(reply_to(REQUEST, epoch_s), REQUEST) == epoch_s


def test_what_must_not_be_believed_is_refused_zero_and_kiss_of_death_included():
    assert refusal(reply_to(REQUEST)) == NOW_S
    assert refusal(reply_to(REQUEST)[:20]) is None
    assert refusal(reply_to(REQUEST)[:46]) is None
    assert refusal(b"") is None
    assert refusal(reply_to(REQUEST, first=0x23)).startswith("no time: first 23")
    assert refusal(reply_to(REQUEST, first=0xE4)).startswith("no time: ")
    assert refusal(reply_to(REQUEST, stratum=0)).startswith("no time: ")
    assert refusal(reply_to(REQUEST, stratum=16)).startswith("no time: ")
    assert refusal(reply_to(REQUEST, origin=b"87654321")) is None
    assert refusal(reply_to(REQUEST, -ERA_S)).startswith("no time: ")


async def nobody(name):
    return name


def exchanged(*servers, resolve=nobody):
    dns.asyncio = Quick

    async def main():
        for task, _ in servers:
            asyncio.create_task(task())
        return await sntp.exchange([at for _, at in servers], resolve)

    return asyncio.run(main())


def test_the_first_server_that_tells_the_time_is_enough():
    silent = serve(lambda request: None)
    wrong = serve(lambda request: reply_to(request, stratum=0))
    assert exchanged(silent, wrong, serve(reply_to)) == NOW_S


def test_a_replayed_reply_is_refused():
    kept = []

    def replay(request):
        kept.append(reply_to(request))
        return kept[0]

    server = serve(replay)
    assert exchanged(server) == NOW_S
    try:
        exchanged(server)
    except OSError as exc:
        assert "no answer" in str(exc)
        return
    raise AssertionError("believed")


def test_without_any_answer_the_last_error_is_told():
    try:
        exchanged(serve(lambda request: None))
    except OSError as exc:
        assert "no answer" in str(exc)
        return
    raise AssertionError("believed")


def test_a_server_whose_name_is_not_known_is_passed_over():
    async def resolve(name):
        if name == "gone.example":
            raise OSError("no address")
        return name

    task, at = serve(reply_to)

    async def main():
        dns.asyncio = Quick
        asyncio.create_task(task())
        return await sntp.exchange(["gone.example", at], resolve)

    assert asyncio.run(main()) == NOW_S
