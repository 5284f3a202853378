"""A device's MQTT session as the probe needs it: every step has a deadline and says what came.

This is the one module that imports paho, which the extra [sandbox] brings.
"""

import json
import ssl
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ways_device.api.credentials import Broker, Credentials

CONNECTED = "accepted"
GRANTED = "granted"
_ANSWER_S = 10.0


class Link:
    """One session. Made unconnected; close() it whatever happened."""

    def __init__(
        self, broker: Broker, trust: ssl.SSLContext, login: Credentials, keepalive_s: int = 60
    ) -> None:
        self._broker = broker
        self._keepalive_s = keepalive_s
        self._news = threading.Condition()
        self._connack = ""
        self._suback: list[str] = []
        self._is_silent = False
        self.is_up = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            clean_session=True,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(login.username, login.password)
        self._client.tls_set_context(trust)
        self._client.connect_timeout = _ANSWER_S
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe

    def connect(self) -> str:
        """Log in. Returns CONNECTED, or in words what came instead."""
        try:
            self._client.connect(self._broker.host, self._broker.tls_port, self._keepalive_s)
        except (OSError, ValueError) as exc:
            return f"no connection ({exc})"
        self._client.loop_start()
        self._wait(lambda: bool(self._connack))
        return self._connack or "no answer"

    def subscribe(self, topic: str) -> str:
        """Returns "granted QoS n", "refused", "disconnected" or "no answer"."""
        self._suback = []
        code, _ = self._client.subscribe(topic, qos=1)
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._wait(lambda: bool(self._suback) or not self.is_up)
        if self._suback:
            return self._suback[0]
        return "no answer" if self.is_up else "disconnected"

    def publish(self, topic: str, document: Any) -> bool:
        """Send at QoS 1, not retained. Returns whether the broker acknowledged it."""
        sent = self._client.publish(topic, json.dumps(document), qos=1)
        try:
            sent.wait_for_publish(_ANSWER_S)
        except (RuntimeError, ValueError):
            return False
        return sent.is_published()

    def fall_silent(self) -> None:
        """Say nothing any more, with the connection left open: as a board that lost power."""
        self._is_silent = True
        self._client.loop_stop()

    def close(self) -> None:
        """Disconnect in order, unless it has fallen silent, and end everything."""
        if not self._is_silent:
            self._client.disconnect()
        end = self._client.socket()
        self._client.loop_stop()
        if end is not None:
            end.close()

    def _wait(self, is_so: Callable[[], bool]) -> None:
        with self._news:
            self._news.wait_for(is_so, _ANSWER_S)

    def _tell(self, change: Callable[[], None]) -> None:
        with self._news:
            change()
            self._news.notify_all()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        def change() -> None:
            self.is_up = not reason.is_failure
            self._connack = f"refused ({reason})" if reason.is_failure else CONNECTED

        self._tell(change)

    def _on_disconnect(self, *_: Any) -> None:
        self._tell(lambda: setattr(self, "is_up", False))

    def _on_subscribe(
        self, _client: Any, _data: Any, _id: Any, codes: list[Any], _more: Any
    ) -> None:
        words = ["refused" if code.is_failure else f"{GRANTED} QoS {code.value}" for code in codes]
        self._tell(lambda: setattr(self, "_suback", words))
