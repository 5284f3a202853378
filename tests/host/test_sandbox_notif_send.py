"""Notifications to real HTTP servers: signed, retried, bounded in time and size."""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from contextlib import closing

import pytest
from notification_rig import FLOOD, HANG, LATE, START, World, receiving, server_tls, until

from ways_device.sandbox.certs import Certs
from ways_device.sandbox.sender import ATTEMPTS_MAX, Sender
from ways_device.sandbox.transports import tls_context


@pytest.fixture
def world(tmp_path):
    with closing(World(tmp_path / "db")) as world:
        world.device("d1")
        yield world


def raised(world, channel_type="webhook", **config):
    """Queue one message for a new channel. Returns the channel's id."""
    channel_id = world.channel(channel_type, **config)
    world.policy(channel_id, cooldown_seconds=0)
    world.alarms.trigger(world.rule(), "d1", "Sensor <down>", "no data & no sign")
    return channel_id


def test_a_webhook_gets_the_document_with_our_headers(world):
    with receiving() as receiver:
        raised(world, url=f"{receiver.url}/hook?x=1")
        world.settle()
    (request,) = receiver.requests
    document = json.loads(request.body)
    assert request.path == "/hook?x=1"
    assert document["event_type"] == "triggered"
    assert document["alarm"]["title"] == "Sensor <down>"
    headers = request.headers
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Ways-Delivery"] == document["id"] == world.row()["id"]
    assert headers["X-Ways-Event"] == "triggered"
    assert "X-Ways-Signature" not in headers
    row = world.row()
    assert (row["status"], row["attempts"], row["sent_at"]) == ("delivered", 1, START)
    assert (row["error"], row["next_attempt_at"]) == (None, None)


def is_signed(secret, request):
    """What a receiver does, written from the documentation."""
    timestamp, given = request.headers["X-Ways-Timestamp"], request.headers["X-Ways-Signature"]
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + request.body, hashlib.sha256)
    return hmac.compare_digest(given, "sha256=" + mac.hexdigest())


def test_a_receiver_can_verify_the_signature(world):
    with receiving(500, 200) as receiver:
        raised(world, url=receiver.url, secret="s3cret-ø")
        world.settle()
        world.now += 60
        world.settle()
    first, second = receiver.requests
    assert is_signed("s3cret-ø", first)
    assert is_signed("s3cret-ø", second)
    assert not is_signed("other", first)
    first.body += b" "
    assert not is_signed("s3cret-ø", first)
    stamps = [int(one.headers["X-Ways-Timestamp"]) for one in receiver.requests]
    assert stamps == [int(START), int(START) + 60], "each attempt has its own time"
    assert first.headers["X-Ways-Delivery"] == second.headers["X-Ways-Delivery"]


def test_a_failed_send_is_repeated_with_growing_pauses_until_it_succeeds(world):
    with receiving(500, 503, 429, 200) as receiver:
        raised(world, url=receiver.url)
        pauses = []
        while world.row()["status"] == "pending":
            world.now = max(world.now, world.row()["next_attempt_at"])
            world.settle()
            row = world.row()
            if row["status"] == "pending":
                pauses.append(row["next_attempt_at"] - world.now)
        assert pauses == [2, 4, 8]
        assert len(receiver.requests) == 4
        world.now += 1000
        world.settle()
        assert len(receiver.requests) == 4
    assert (row["status"], row["attempts"], row["error"]) == ("delivered", 4, None)


def test_a_send_is_not_repeated_before_its_time(world):
    with receiving(500, 200) as receiver:
        raised(world, url=receiver.url)
        world.settle()
        world.now += 1.9
        world.settle()
        assert len(receiver.requests) == 1
        assert world.row()["error"] == "answered 500"


def test_attempts_are_bounded(world):
    with receiving(500) as receiver:
        raised(world, url=receiver.url)
        for _ in range(20):
            world.now += 100
            world.settle()
        assert len(receiver.requests) == ATTEMPTS_MAX
    row = world.row()
    assert (row["status"], row["attempts"]) == ("failed", ATTEMPTS_MAX)
    assert (row["error"], row["sent_at"], row["next_attempt_at"]) == ("answered 500", None, None)


def test_jitter_shortens_a_pause_by_up_to_a_half():
    pauses = [
        Sender(None, None, None, jitter=lambda share=share: share)._wait_s(attempts)
        for share in (0.0, 1.0)
        for attempts in (1, 2, 5, 9)
    ]
    assert pauses == [1, 2, 16, 30, 2, 4, 32, 60]


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_final(world, status):
    with receiving(status) as receiver:
        raised(world, url=receiver.url)
        world.settle()
    row = world.row()
    assert (row["status"], row["attempts"], row["error"]) == ("failed", 1, f"answered {status}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("channel_type", ["webhook", "slack", "teams", "sms"])
def test_a_redirect_is_not_followed(world, status, channel_type):
    with receiving() as elsewhere, receiving((status, {"Location": elsewhere.url})) as receiver:
        extra = {"to": "+4791234567"} if channel_type == "sms" else {}
        raised(world, channel_type, url=receiver.url, **extra)
        world.settle()
        assert len(receiver.requests) == 1
        assert elsewhere.requests == []
    assert world.row()["status"] == "failed"
    assert world.row()["error"] == f"answered {status}: redirects are not followed"


def test_a_receiver_that_does_not_answer_is_left_at_the_deadline(world):
    with receiving(HANG) as receiver:
        raised(world, url=receiver.url)
        took_s = world.settle(deadline_s=0.3)
    assert took_s < 10
    assert (world.row()["status"], world.row()["error"]) == ("pending", "no answer within 0.3 s")


def test_a_receiver_that_drips_is_left_at_the_same_deadline(world):
    """Each byte comes in time: only a deadline over the whole ends this."""
    listener = socket.create_server(("127.0.0.1", 0))

    async def drip(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def story():
        server = await asyncio.start_server(drip, sock=listener)
        await asyncio.wait_for(world.parts.sender.settle(), 30)
        server.close()

    raised(world, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    world.parts.sender._transports._deadline_s = 0.5
    asyncio.run(story())
    assert world.row()["error"] == "no answer within 0.5 s"


def test_an_answer_without_an_end_is_cut_off(world):
    with receiving(FLOOD) as receiver:
        raised(world, url=receiver.url)
        world.settle()
        assert receiver.flooded_bytes < 30_000_000
    assert world.row()["status"] == "delivered", "its status was all that counts"


def test_nobody_listens(world):
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        raised(world, url=f"http://127.0.0.1:{bound.getsockname()[1]}/x")
        world.settle()
    assert world.row()["status"] == "pending"
    assert world.row()["error"].startswith("cannot connect")


def test_tls_is_verified(world, tmp_path, monkeypatch):
    certs = Certs(tmp_path, ["127.0.0.1"])
    with receiving(tls=server_tls(certs)) as receiver:
        raised(world, url=receiver.url)
        world.settle()
        assert receiver.requests == []
        assert "CERTIFICATE_VERIFY_FAILED" in world.row()["error"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca_file))
        del world.parts.sender._transports._tls
        world.now += 10
        world.settle()
        assert len(receiver.requests) == 1
    assert world.row()["status"] == "delivered"


def test_tls_is_verified_against_the_name_too(world, tmp_path, monkeypatch):
    certs = Certs(tmp_path, ["other.example"])
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca_file))
    with receiving(tls=server_tls(certs)) as receiver:
        raised(world, url=receiver.url)
        world.settle()
        assert receiver.requests == []
    assert "CERTIFICATE_VERIFY_FAILED" in world.row()["error"]


def test_slack_gets_a_text_in_which_nothing_is_a_command(world):
    with receiving() as receiver:
        raised(world, "slack", webhook_url=f"{receiver.url}/services/T/B/x")
        world.settle()
    text = json.loads(receiver.requests[0].body)["text"]
    assert "*[critical] triggered: Sensor &lt;down&gt;*\nno data &amp; no sign\n" in text
    assert "Device: d1" in text


def test_teams_gets_a_card(world):
    with receiving(202) as receiver:
        raised(world, "teams", url=receiver.url)
        world.settle()
    message = json.loads(receiver.requests[0].body)
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["body"][0]["type"]) == ("AdaptiveCard", "TextBlock")
    assert card["body"][0]["text"] == "[critical] triggered: Sensor <down>"
    assert world.row()["status"] == "delivered"


def test_sms_go_through_a_gateway(world):
    with receiving() as receiver:
        to = "+47 912 34 567, +4687654321"
        raised(world, "sms", to=to, url=receiver.url, token="t0ken", **{"from": "Ops"})
        world.settle()
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert body["to"] == ["+4791234567", "+4687654321"]
    assert body["from"] == "Ops"
    assert body["message"].startswith("[critical] triggered: Sensor <down>\n")
    assert request.headers["Authorization"] == "Bearer t0ken"


def test_the_gateway_for_all_gets_its_own_token(tmp_path):
    with receiving() as receiver:
        environment = {"WAYS_SANDBOX_SMS_URL": receiver.url, "WAYS_SANDBOX_SMS_TOKEN": "all"}
        with closing(World(tmp_path / "db", environment)) as world:
            world.device("d1")
            raised(world, "sms", phone_numbers=["+4791234567"], token="channels-own")
            world.settle()
    assert receiver.requests[0].headers["Authorization"] == "Bearer all"


def test_without_a_gateway_an_sms_fails_and_says_what_is_missing(world):
    raised(world, "sms", to="+4791234567")
    world.settle()
    assert world.row()["status"] == "failed"
    assert "there is no SMS gateway" in world.row()["error"]


def test_what_waits_for_a_deleted_channel_has_failed_and_the_history_stays(world):
    with receiving(500) as receiver:
        channel_id = raised(world, url=receiver.url)
        world.settle()
        world.parts.channels.delete(channel_id)
        world.now += 100
        world.settle()
        assert len(receiver.requests) == 1
    row = world.row()
    assert (row["status"], row["error"], row["attempts"]) == (
        "failed",
        "the channel was deleted",
        1,
    )
    assert (row["channel_id"], row["channel_type"]) == (None, "webhook")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(HANG, ("failed", "the channel was deleted")), (LATE, ("delivered", None))],
)
def test_a_channel_that_is_deleted_during_a_send_gets_no_other_one(world, answer, outcome):
    with receiving(answer) as receiver:
        channel_id = raised(world, url=receiver.url)

        async def story():
            task = asyncio.create_task(world.parts.sender.settle())
            await until(lambda: receiver.requests)
            world.parts.channels.delete(channel_id)
            receiver.ended.set()
            await asyncio.wait_for(task, 30)

        asyncio.run(story())
        world.now += 100
        world.settle()
        assert len(receiver.requests) == 1
    assert (world.row()["status"], world.row()["error"]) == outcome


def test_what_waits_for_a_disabled_channel_fails(world):
    with receiving() as receiver:
        channel_id = raised(world, url=receiver.url)
        world.parts.channels.update(channel_id, {"is_enabled": False})
        world.settle()
        assert receiver.requests == []
    assert (world.row()["status"], world.row()["error"]) == ("failed", "the channel is disabled")


def test_a_corrected_channel_is_used_by_the_next_attempt(world):
    with receiving(500) as wrong, receiving() as right:
        channel_id = raised(world, url=wrong.url)
        world.settle()
        world.parts.channels.update(channel_id, {"config": {"url": right.url}})
        world.now += 10
        world.settle()
        assert len(right.requests) == 1


def test_a_hanging_channel_delays_no_other_and_none_gets_two_at_once(world):
    rule = world.rule()
    with receiving(HANG) as hanging, receiving() as good:
        world.policy(world.channel(url=hanging.url), cooldown_seconds=0)
        world.policy(world.channel(url=good.url), cooldown_seconds=0)
        for _ in range(10):
            alarm = world.alarms.trigger(rule, "d1", "T", "M")
            world.alarms.resolve(alarm["id"], None)

        async def story():
            task = asyncio.create_task(world.parts.sender.run())
            await until(lambda: len(good.requests) == 20)
            assert len(hanging.requests) == 1
            task.cancel()
            await asyncio.wait([task], timeout=10)
            assert task.cancelled()

        asyncio.run(story())
    told = [json.loads(one.body)["event_type"] for one in good.requests]
    assert told == ["triggered", "resolved"] * 10, "in the order in which it happened"


def test_no_more_than_a_few_are_sent_at_once(world):
    rule = world.rule()
    with receiving(HANG) as receiver:
        for number in range(12):
            world.policy(world.channel(url=f"{receiver.url}/{number}"), cooldown_seconds=0)
        world.alarms.trigger(rule, "d1", "T", "M")
        sender = world.parts.sender

        async def story():
            sender._start()
            assert len(sender._busy) == 8
            tasks = list(sender._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

        asyncio.run(story())


def test_a_send_that_was_cut_by_the_end_is_made_again_and_counted(tmp_path):
    """As when the process is killed: nothing runs after the request has gone out."""
    with receiving(HANG, 200) as receiver:
        with closing(World(tmp_path / "db")) as world:
            world.device("d1")
            raised(world, url=receiver.url)

            async def cut():
                task = asyncio.create_task(world.parts.sender.settle())
                await until(lambda: receiver.requests)
                task.cancel()

            asyncio.run(cut())
            assert (world.row()["status"], world.row()["attempts"]) == ("pending", 1)
        with closing(World(tmp_path / "db")) as world:
            world.now = START + 5
            world.settle()
            assert len(receiver.requests) == 1, "its first attempt may still be going on"
            world.now = START + 20
            world.settle()
            assert (world.row()["status"], world.row()["attempts"]) == ("delivered", 2)
        first, second = receiver.requests
        assert first.headers["X-Ways-Delivery"] == second.headers["X-Ways-Delivery"]


def test_a_test_is_sent_at_once_and_recorded(world):
    with receiving(200, 500) as receiver:
        channel_id = world.channel(url=receiver.url, is_enabled=False)
        answers = [asyncio.run(world.parts.sender.test(channel_id)) for _ in range(2)]
    good, bad = answers
    assert good == {
        "success": True,
        "message": "Test notification sent successfully",
        "channel_id": channel_id,
    }
    assert bad["success"] is False
    assert bad["message"] == "Test notification failed: answered 500"
    assert [row["status"] for row in world.rows()] == ["delivered", "failed"]
    assert json.loads(receiver.requests[0].body)["event_type"] == "test"


def test_an_error_text_has_no_secret(world):
    url = "http://user:pa55word@no-such-host.invalid/tok3n-path?key=t0psecret"
    raised(world, url=url, secret="s1gning")

    async def fails(*_):
        raise RuntimeError(f"cannot reach {url} with s1gning\n" + "x" * 1000)

    world.parts.sender._transports._ways["webhook"] = fails
    world.settle()
    error = world.row()["error"]
    assert error.startswith("RuntimeError: cannot reach *** with *** ")
    assert len(error) == 300
    for secret in ("pa55word", "tok3n", "t0psecret", "s1gning", "\n"):
        assert secret not in error


def test_old_history_is_forgotten_and_what_waits_is_not(world):
    with receiving(200, 500) as receiver:
        raised(world, url=receiver.url)
        world.settle()
        alarm_id = world.rows()[0]["alarm_id"]
        world.alarms.resolve(alarm_id, None)
        world.now += 31 * 86_400
        world.parts.sender._tidy()
        assert world.told() == ["resolved"]


def test_tls_is_of_a_current_version_and_verifies():
    context = tls_context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
