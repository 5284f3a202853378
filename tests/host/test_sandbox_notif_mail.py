"""Notifications by e-mail, to a real SMTP server."""

import asyncio
import email
import email.policy
import logging
import socket
import threading
from contextlib import closing, contextmanager

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from notification_rig import World, server_tls, until

from ways_device.errors import ToolError
from ways_device.sandbox import mail
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.messages import words

# apprise looks for this module, which Python is about to drop, and does without it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

USER, PASSWORD = "ops", "hunter22"


class Inbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802 - aiosmtpd's name
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope, parsed, session.ssl is not None, session.authenticated))
        return "250 OK"


def authenticate(_server, _session, _envelope, _mechanism, data):
    is_right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=is_right, handled=False)


@contextmanager
def smtp_server(inbox=None, tls=None, **options):
    """Run an SMTP server in a thread; tls makes it speak TLS from the first byte."""
    inbox = inbox or Inbox()
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def serve():
        def session():
            return SMTP(inbox, hostname="test", loop=loop, **options)

        server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
        inbox.port = server.sockets[0].getsockname()[1]
        inbox.over = asyncio.Event()
        ready.set()
        await inbox.over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(20)
        yield inbox
    finally:
        loop.call_soon_threadsafe(inbox.over.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def certs(tmp_path):
    return Certs(tmp_path, ["127.0.0.1"])


@pytest.fixture
def world(tmp_path):
    with closing(World(tmp_path / "db")) as world:
        world.device("d1")
        yield world


def raised(world, **config):
    world.policy(world.channel("email", **config), cooldown_seconds=0)
    world.alarms.trigger(world.rule(), "d1", "Sensor <down>\r\nBcc: x@example.com", "no dåta")


def test_a_mail_arrives_at_every_recipient(world):
    with smtp_server() as inbox:
        raised(
            world,
            to=["a@example.com", "b@example.com"],
            smtp_host="127.0.0.1",
            smtp_port=inbox.port,
            **{"from": "iot@example.com"},
        )
        world.settle()
    assert world.row()["status"] == "delivered", world.row()["error"]
    recipients = [address for envelope, *_ in inbox.mails for address in envelope.rcpt_tos]
    assert sorted(recipients) == ["a@example.com", "b@example.com"]
    envelope, message, _, _ = inbox.mails[0]
    assert envelope.mail_from == "iot@example.com"
    assert message["Subject"] == "[critical] triggered: Sensor <down> Bcc: x@example.com"
    assert message["Bcc"] is None
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert text.splitlines()[:2] == ["no dåta", "Device: d1"]


def test_without_a_server_a_mail_fails_and_says_what_is_missing(world):
    raised(world, to="a@example.com")
    world.settle()
    assert (world.row()["status"], world.row()["attempts"]) == ("failed", 1)
    assert world.row()["error"] == (
        "there is no mail server: give the channel an smtp_host, or set WAYS_SANDBOX_SMTP_URL"
    )


def test_the_server_for_all_is_used_where_a_channel_has_none(tmp_path):
    with smtp_server() as inbox:
        url = f"smtp://127.0.0.1:{inbox.port}?from=all@example.com"
        with closing(World(tmp_path / "db", {"WAYS_SANDBOX_SMTP_URL": url})) as world:
            world.device("d1")
            raised(world, to="a@example.com")
            world.settle()
            assert world.row()["status"] == "delivered"
    assert inbox.mails[0][0].mail_from == "all@example.com"


def trusted(certs, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca_file))


def secured(inbox, **more):
    server = {"smtp_host": "127.0.0.1", "smtp_port": inbox.port, "security": "starttls"}
    return {"to": "a@example.com", **server, "smtp_user": USER, "smtp_password": PASSWORD, **more}


def test_mail_goes_over_starttls_with_a_login(world, certs, monkeypatch):
    trusted(certs, monkeypatch)
    options = {"tls_context": server_tls(certs), "require_starttls": True}
    login = {"authenticator": authenticate, "auth_required": True}
    with smtp_server(**options, **login) as inbox:
        raised(world, **secured(inbox))
        world.settle()
    assert world.row()["status"] == "delivered", world.row()["error"]
    _, _, is_encrypted, is_authenticated = inbox.mails[0]
    assert (is_encrypted, is_authenticated) == (True, True)


def test_mail_goes_over_tls_from_the_first_byte(world, certs, monkeypatch):
    trusted(certs, monkeypatch)
    with smtp_server(tls=server_tls(certs)) as inbox:
        raised(
            world, to="a@example.com", smtp_host="127.0.0.1", smtp_port=inbox.port, security="tls"
        )
        world.settle()
    assert world.row()["status"] == "delivered", world.row()["error"]


def test_a_mail_server_with_an_untrusted_certificate_gets_no_password(world, certs):
    seen = []

    def spy(*arguments):
        seen.append(arguments)
        return authenticate(*arguments)

    options = {"tls_context": server_tls(certs), "require_starttls": True}
    with smtp_server(**options, authenticator=spy) as inbox:
        raised(world, **secured(inbox))
        world.settle()
    assert (inbox.mails, seen) == ([], [])
    assert "CERTIFICATE_VERIFY_FAILED" in world.row()["error"]
    assert world.row()["status"] == "pending"


def test_a_server_without_starttls_gets_no_password(world):
    with smtp_server(authenticator=authenticate, auth_require_tls=False) as inbox:
        raised(world, **secured(inbox))
        world.settle()
    assert inbox.mails == []
    assert "STARTTLS" in world.row()["error"]


def test_a_wrong_password_is_told_without_it(world, certs, monkeypatch):
    trusted(certs, monkeypatch)
    options = {"tls_context": server_tls(certs), "authenticator": authenticate}
    with smtp_server(**options) as inbox:
        raised(world, **secured(inbox, smtp_password="wr0ng-password"))
        world.settle()
    error = world.row()["error"]
    assert "535" in error
    assert "wr0ng" not in error
    assert world.row()["status"] == "pending"


class Refusing(Inbox):
    async def handle_RCPT(self, _s, _session, envelope, address, _options):  # noqa: N802 - as above
        if address.startswith("no"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def test_a_refused_recipient_is_told(world):
    with smtp_server(Refusing()) as inbox:
        raised(world, to="no@example.com", smtp_host="127.0.0.1", smtp_port=inbox.port)
        world.settle()
    assert "550" in world.row()["error"]
    assert world.row()["status"] == "pending"


@contextmanager
def silent_server():
    """Takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def test_a_silent_mail_server_is_left_at_the_deadline_and_blocks_nothing(world):
    with silent_server() as port:
        raised(world, to="a@example.com", smtp_host="127.0.0.1", smtp_port=port)

        async def story():
            world.parts.sender._transports._deadline_s = 1.0
            task = asyncio.create_task(world.parts.sender.settle())
            for _ in range(10):
                await asyncio.sleep(0)
            is_free = not task.done()
            await task
            return is_free

        assert asyncio.run(asyncio.wait_for(story(), 30)), "the event loop went on"
    assert "1 s" in world.row()["error"] or "timed out" in world.row()["error"]


def test_threads_of_silent_servers_are_bounded_and_end(world):
    with silent_server() as port:
        channel_id = world.channel(
            "email", to="a@example.com", smtp_host="127.0.0.1", smtp_port=port
        )
        sender = world.parts.sender
        sender._transports._deadline_s = 1.0

        def alive():
            return [one for one in threading.enumerate() if one.name == "mail"]

        async def story():
            tests = asyncio.gather(*(sender.test(channel_id) for _ in range(12)))
            await until(alive)
            assert all(thread.daemon for thread in alive()), "none keeps the sandbox from ending"
            answers = await tests
            texts = [one["message"] for one in answers]
            assert sum("wait for their servers already" in text for text in texts) == 4
            await until(lambda: not alive())

        asyncio.run(asyncio.wait_for(story(), 60))


def test_apprise_says_nothing_in_our_log(world, capfd, monkeypatch):
    records = []
    ours = logging.Handler()
    ours.emit = records.append
    monkeypatch.setattr(logging.getLogger(), "handlers", [ours])
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        raised(world, to="a@example.com", smtp_host="127.0.0.1", smtp_port=port)
        world.settle()
    assert "refused" in world.row()["error"]
    assert capfd.readouterr() == ("", "")
    assert [one.getMessage() for one in records if "127.0.0.1" in one.getMessage()] == []


def test_the_password_of_the_server_for_all_is_in_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(mail, "_send", lambda *_: f"535 no, not {PASSWORD}")
    url = f"smtp://{USER}:{PASSWORD}@mail.example.com"
    with closing(World(tmp_path / "db", {"WAYS_SANDBOX_SMTP_URL": url})) as world:
        world.device("d1")
        raised(world, to="a@example.com")
        world.settle()
        assert world.row()["error"] == "535 no, not ***"


def test_a_title_is_one_line_of_bounded_length():
    alarm = {"severity": "info", "title": "a\r\nBcc: x" + "y" * 300, "device_id": "d1"}
    more = {"rule_name": "R", "id": "1", "status": "active", "message": "m" * 5000}
    said = words({"event_type": "triggered", "occurred_at": "now", "alarm": {**alarm, **more}})
    assert said.title.startswith("[info] triggered: a Bcc: xyyy")
    assert (len(said.title), len(said.body)) == (200, 2000)


@pytest.mark.parametrize(
    ("url", "mode", "port"),
    [
        ("smtp://mail.example.com", "starttls", None),
        ("smtp://127.0.0.1:1025", "none", 1025),
        ("smtps://mail.example.com", "tls", None),
        ("smtp://mail.example.com:465", "tls", 465),
        ("smtp+starttls://localhost:2525", "starttls", 2525),
    ],
)
def test_the_variable_tells_how_a_server_is_spoken_to(url, mode, port):
    server = mail.from_environment({"WAYS_SANDBOX_SMTP_URL": url})
    assert (server.mode, server.port) == (mode, port)


def test_the_variable_holds_a_login_in_url_encoding():
    url = "smtp://me%40example.com:p%2Fw@mail.example.com:587"
    server = mail.from_environment({"WAYS_SANDBOX_SMTP_URL": url})
    assert (server.user, server.password, server.port) == ("me@example.com", "p/w", 587)
    assert mail.from_environment({}) is None
    with pytest.raises(ToolError):
        mail.from_environment({"WAYS_SANDBOX_SMTP_URL": "imap://h"})
