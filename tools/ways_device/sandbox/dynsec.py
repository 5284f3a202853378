"""Who may do what at the broker, in the terms of mosquitto's dynamic-security plugin.

The plugin's file is written anew from the database at each start of the broker, so the two cannot
come apart. While the broker runs, changes go through its $CONTROL topic.

Source: mosquitto's documentation of the plugin. `%c` is not substituted in its patterns, hence
one role per device.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import aiomqtt

from ways_device.sandbox.account import Account
from ways_device.sandbox.devices import Login
from ways_device.sandbox.keys import Hashed
from ways_device.sandbox.subscriber import TOPIC
from ways_device.sandbox.wire import Json

# Not in the alphabet of device ids, so no device can be given these names.
ADMIN = "sandbox:admin"
INGEST = "sandbox:ingest"

# The settings of all devices, which the sandbox retains for them.
CONFIGS = "devices/+/config"

_CONTROL = "$CONTROL/dynamic-security/v1"
_RESPONSE = f"{_CONTROL}/response"
_RETRY_S = 0.02
_ANSWER_S = 5
_Result = TypeVar("_Result")
_ALL = ("publishClientSend", "publishClientReceive", "subscribePattern")


class ControlError(Exception):
    """The broker did not do what it was asked to."""


def document(admin: Hashed, ingest: Hashed, logins: Iterable[Login]) -> Json:
    """Return the plugin's whole configuration."""
    devices = list(logins)
    control = [_allow(kind, "$CONTROL/dynamic-security/#") for kind in _ALL]
    # To send commands and settings, and to take what a deleted device had retained out of the
    # broker.
    control.append(_allow("publishClientSend", "devices/#"))
    control += [_allow(kind, CONFIGS) for kind in ("publishClientReceive", "subscribePattern")]
    listen = [_allow("publishClientReceive", TOPIC), _allow("subscribePattern", TOPIC)]
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [
            _client(ADMIN, admin),
            _client(INGEST, ingest),
            *(_client(one.device_id, one.password, one.is_active) for one in devices),
        ],
        "groups": [],
        "roles": [
            {"rolename": ADMIN, "acls": control},
            {"rolename": INGEST, "acls": listen},
            *({"rolename": one.device_id, "acls": _device_acls(one.device_id)} for one in devices),
        ],
    }


def create(device_id: str, password: str) -> list[Json]:
    """Return the commands that let a device in."""
    return [
        {"command": "createRole", "rolename": device_id, "acls": _device_acls(device_id)},
        {
            "command": "createClient",
            "username": device_id,
            "clientid": device_id,
            "password": password,
            "roles": [{"rolename": device_id}],
        },
    ]


def delete(device_id: str) -> list[Json]:
    """Return the commands that throw a device out for good."""
    return [
        {"command": "deleteClient", "username": device_id},
        {"command": "deleteRole", "rolename": device_id},
    ]


def enable(device_id: str, is_active: bool) -> list[Json]:
    """Return the command that lets a device in again, or throws it out."""
    verb = "enableClient" if is_active else "disableClient"
    return [{"command": verb, "username": device_id}]


def _allow(kind: str, topic: str) -> Json:
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}


def _device_acls(device_id: str) -> list[Json]:
    return [_allow(kind, f"devices/{device_id}/#") for kind in _ALL]


def _client(name: str, password: Hashed, is_active: bool = True) -> Json:
    return {
        "username": name,
        "clientid": name,
        "password": password.hash,
        "salt": password.salt,
        "iterations": password.iterations,
        "disabled": not is_active,
        "roles": [{"rolename": name}],
    }


class Control:
    """The admin's session. ready is set while the broker can be told something."""

    def __init__(self, account: Account, broker_up: asyncio.Event) -> None:
        self._account = account
        self._broker_up = broker_up
        self._client: aiomqtt.Client | None = None
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._retained: dict[str, bytes] = {}
        self._one = asyncio.Lock()
        # Called at the begin of each session.
        self.on_ready: Callable[[], None] = lambda: None
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Keep the session up for ever."""
        while True:
            await self._broker_up.wait()
            try:
                await self._session()
            except aiomqtt.MqttError:
                await asyncio.sleep(_RETRY_S)
            finally:
                self._lose()

    async def request(self, commands: list[Json]) -> None:
        """Have the broker do commands. Raises ControlError if it refuses one or is silent."""
        await _in_time(self._request(commands))

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Return when the broker has taken the message. Raises ControlError if it does not.

        Messages go out one after the other, in the order of the calls.
        """
        await _in_time(self._publish(topic, payload, retain))

    async def retained(self, pattern: str) -> dict[str, bytes]:
        """Return what the broker has retained on the topics of pattern. Raises ControlError."""
        return await _in_time(self._read_retained(pattern))

    async def clear_retained(self, topic: str) -> None:
        """Take a retained message out of the broker, if it can be reached."""
        if self._client is not None:
            # It may have gone away a moment ago.
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.publish(topic, b"", qos=1, retain=True)

    async def _request(self, commands: list[Json]) -> None:
        client = await self._session_up()
        answers = []
        for command in commands:
            tag = secrets.token_hex(8)
            command["correlationData"] = tag
            self._waiting[tag] = asyncio.get_running_loop().create_future()
            answers.append(self._waiting[tag])
        try:
            await client.publish(_CONTROL, json.dumps({"commands": commands}), qos=1)
            for answer in await asyncio.gather(*answers):
                if "error" in answer:
                    raise ControlError(str(answer["error"]))
        finally:
            for command in commands:
                self._waiting.pop(command["correlationData"], None)

    async def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        async with self._one:
            client = await self._session_up()
            await client.publish(topic, payload, qos=1, retain=retain)

    async def _read_retained(self, pattern: str) -> dict[str, bytes]:
        client = await self._session_up()
        self._retained = {}
        await client.subscribe(pattern, qos=0)
        # They come before the answer to whatever is asked after the subscription.
        await self._request([{"command": "getDefaultACLAccess"}])
        await client.unsubscribe(pattern)
        return self._retained

    async def _session_up(self) -> aiomqtt.Client:
        while self._client is None:
            await self.ready.wait()
        return self._client

    async def _session(self) -> None:
        async with self._account.client(clean_session=True) as client:
            await client.subscribe(_RESPONSE, qos=1)
            self._client = client
            self.ready.set()
            self.on_ready()
            async for message in client.messages:
                if str(message.topic) != _RESPONSE:
                    if message.retain:
                        self._retained[str(message.topic)] = bytes(message.payload)
                    continue
                for answer in json.loads(message.payload).get("responses", []):
                    waiting = self._waiting.get(answer.get("correlationData", ""))
                    if waiting and not waiting.done():
                        waiting.set_result(answer)

    def _lose(self) -> None:
        self.ready.clear()
        self._client = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(aiomqtt.MqttError("the broker went away"))


async def _in_time(doing: Coroutine[Any, Any, _Result]) -> _Result:
    """Return what doing returns. Raises ControlError if the broker is silent, or goes away."""
    try:
        return await asyncio.wait_for(doing, _ANSWER_S)
    except asyncio.TimeoutError as exc:
        raise ControlError("no answer") from exc
    except aiomqtt.MqttError as exc:
        raise ControlError(str(exc)) from exc
