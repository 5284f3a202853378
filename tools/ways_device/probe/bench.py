"""What the questions work with: the API, throwaway devices, and their sessions at the broker."""

import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from ways_device.api.answers import Answer
from ways_device.api.client import Client
from ways_device.api.credentials import Broker, Credentials
from ways_device.api.platform import Latest, Platform
from ways_device.errors import ApiError
from ways_device.probe import clean
from ways_device.probe.finding import Deadline, Pace, UnansweredError
from ways_device.probe.made import Made, Thing
from ways_device.secrets import hide

CONNECTED = "accepted"


class Session(Protocol):
    """A device's session at the broker; see mqtt.Link."""

    is_up: bool

    def connect(self) -> str: ...
    def subscribe(self, topic: str) -> str: ...
    def publish(self, topic: str, document: Any) -> bool: ...
    def fall_silent(self) -> None: ...
    def close(self) -> None: ...


Sessions = Callable[[Broker, ssl.SSLContext, Credentials, int], Session]


@dataclass
class Bench:
    """stranger calls with a key that is none; sessions makes a device's session."""

    client: Client
    stranger: Client
    made: Made
    sessions: Sessions
    trust: ssl.SSLContext
    pace: Pace = field(default_factory=Pace)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    device: Thing | None = None
    other: Thing | None = None
    login: Credentials | None = None
    broker: Broker | None = None
    # What was answered to calls about things of our own, redacted.
    recorded: list[dict[str, Any]] = field(default_factory=list)
    limited: Answer | None = None
    # Of the question that is being asked: past it no further call is made.
    deadline: Deadline | None = None
    _passwords: list[str] = field(default_factory=list, repr=False)

    @property
    def platform(self) -> Platform:
        return Platform(self.client)

    def ask(
        self,
        method: str,
        *parts: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        client: Client | None = None,
    ) -> Answer:
        """Return the answer of a call, whatever its status. Raises UnansweredError if none."""
        self._check_time()
        try:
            return (client or self.client).call(method, *parts, body=body, params=params)
        except ApiError as exc:
            if not exc.status:
                raise UnansweredError(str(exc)) from exc
            answer = Answer(exc.status, exc.body)
            if exc.status == HTTPStatus.TOO_MANY_REQUESTS:
                self.limited = answer
            return answer

    def record(self, call: str, answer: Answer) -> None:
        """Keep an answer about a thing of our own for the report, without its secrets."""
        body = clean.body(answer, self.secret_words(), self.run)
        self.recorded.append({"call": call, "status": answer.status, "body": body})

    def take_login(self, login: Credentials | None) -> None:
        """Use this login from now on, and keep its password off all output."""
        if login is not None:
            self.login = login
            hide(login.password)
            self._passwords.append(login.password)

    def secret_words(self) -> tuple[str, ...]:
        return tuple(self._passwords)

    def register(self, thing: Thing) -> Answer:
        """Make the device that is on disk as an intent, and note its id if it came to be."""
        body = {
            "device_id": thing.name,
            "name": thing.name,
            "device_type": "ESP32",
            "metadata": {"made_by": "ways-device probe"},
        }
        answer = self.ask("POST", "devices", body=body)
        if answer.is_success:
            self.made.note(thing, device_id_in(answer) or thing.name)
        elif answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.made.strike(thing)
        return answer

    def own(self) -> str:
        """Return the id of the throwaway device. Raises UnansweredError if there is none."""
        if self.device is None or not self.device.id:
            raise UnansweredError("there is no device: registering one did not work")
        return self.device.id

    def latest(self) -> dict[str, Latest]:
        """Return the newest rows of the throwaway device, by key."""
        self._check_time()
        try:
            return {row.name: row for row in self.platform.latest(self.own())}
        except ApiError as exc:
            raise UnansweredError(str(exc)) from exc

    def _check_time(self) -> None:
        if self.deadline is not None:
            self.deadline.check()

    def is_online(self) -> bool:
        answer = self.ask("GET", "devices", self.own())
        return found_in(answer).get("is_online") is True

    def datapoint(self, name: str) -> str:
        """Make a datapoint; return its key. Raises UnansweredError."""
        key = self.key(name)
        thing = self.made.intend("datapoint", key)
        body = {"key": key, "label": key, "unit": "", "data_type": "number"}
        answer = self.ask("POST", "datapoints", body=body)
        if not answer.is_success:
            raise UnansweredError(f"a datapoint cannot be made (HTTP {answer.status})")
        self.made.note(thing, str(found_in(answer).get("id") or ""))
        return key

    def unknown_key(self, name: str) -> str:
        """Return a key that no datapoint has; if the platform makes one of it, it is ours."""
        key = self.key(name)
        self.made.intend("datapoint", key)
        return key

    def key(self, name: str) -> str:
        return f"ways_probe_{self.run}_{name}"

    def session(self, keepalive_s: int = 60) -> Session:
        """Return a session that is not connected yet. Raises UnansweredError."""
        if self.login is None or self.broker is None:
            what = "its login" if self.login is None else "the broker's address"
            raise UnansweredError(f"the platform did not tell {what}")
        return self.sessions(self.broker, self.trust, self.login, keepalive_s)

    @contextmanager
    def connected(self, keepalive_s: int = 60) -> Iterator[Session]:
        """Yield a session that is up, and close it. Raises UnansweredError if it is refused.

        A broker may learn of a new device a moment later than the API.
        """
        patience = Deadline(self.pace.flip_s)
        while True:
            session = self.session(keepalive_s)
            try:
                came = session.connect()
                if came == CONNECTED:
                    yield session
                    return
            finally:
                session.close()
            if patience.elapsed_s >= self.pace.flip_s:
                raise UnansweredError(f"the device cannot log in at the broker: {came}")
            patience.sleep(self.pace.retry_s)


def device_id_in(answer: Answer) -> str:
    """Return the id in the answer to a registration; "" if there is none."""
    found = found_in(answer)
    inner = found.get("device")
    place = inner if isinstance(inner, dict) else found
    return str(place.get("device_id") or "")


def found_in(answer: Answer) -> dict[str, Any]:
    """Return the object in an answer; empty where there is none."""
    try:
        found = answer.json("")
    except ApiError:
        return {}
    return found if isinstance(found, dict) else {}
