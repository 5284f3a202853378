"""Safe mode: after six starts in a row that went wrong the device is online, and no more.

It may be any part of the agent that is broken, so nothing of it is used here: boot.py imports
this file past the package, and all else is frozen or built in. It blocks, each step for a few
seconds at most. Commands it takes: reboot, get_logs, get_config, restore_config; others are
refused. After an hour it tries a normal start by itself.
"""

import hashlib
import json
import time

import machine
import network
import safekeep  # pyright: ignore[reportMissingImports]
import safelink  # pyright: ignore[reportMissingImports]
import umqtt.simple
from micropython import const

_WATCHDOG_MS = const(180_000)
_JOIN_MS = const(20_000)
_POLL_MS = const(200)
_RETRY_MS = const(15_000)
_KEEPALIVE_S = const(60)
_PING_MS = const(20_000)
_HOUR_MS = const(3_600_000)
_MAX_ANSWER = const(4096)
_ONE_TRY = const(5)  # failed starts that count when we leave: one more has us back


class SafeMode:
    def __init__(self, feed):
        self._feed = feed
        self._identity = safekeep.identity()
        self._base = "devices/%s/" % self._identity["device_id"]
        self._link = safelink.Link(self._identity["ca"])
        umqtt.simple.socket = self._link  # pyright: ignore[reportAttributeAccessIssue]
        self._client = None
        self._inbox = []
        self._known = []  # ids that were acted upon
        self._is_leaving = False

    def run(self):
        """Be online until somebody wants a normal start, or an hour is over."""
        began = time.ticks_ms()
        count = 0
        while not self._is_over(began):
            try:
                self._join()
                safekeep.set_clock()
                self._log_in(count)
                self._serve(began)
            except Exception as exc:
                print("safe mode: %s: %s" % (type(exc).__name__, exc))
                self._link.close()
                self._pause(_RETRY_MS)
            count += 1
        try:
            self._client.disconnect()
        except Exception:  # it may be none
            pass
        safekeep.leave(_ONE_TRY)

    def _is_over(self, began):
        return self._is_leaving or time.ticks_diff(time.ticks_ms(), began) >= _HOUR_MS

    def _pause(self, ms):
        for _ in range(0, ms, _POLL_MS):
            self._feed()
            time.sleep_ms(_POLL_MS)

    def _join(self):
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active(True)
        networks = sorted(self._identity["wifi"], key=lambda entry: -entry.get("priority", 0))
        address = safekeep.setting("static_address", list)
        if address and len(address) == 4:
            wlan.ifconfig(tuple(address))
        for entry in networks:
            if wlan.isconnected():
                return
            wlan.disconnect()
            wlan.connect(entry["ssid"], entry["password"] or None)
            for _ in range(0, _JOIN_MS, _POLL_MS):
                self._pause(_POLL_MS)
                if wlan.isconnected():
                    return
        raise OSError("no network")

    def _log_in(self, count):
        places = safekeep.brokers()
        host, port = places[count % len(places)]
        own = self._identity
        self._client = client = umqtt.simple.MQTTClient(
            own["client_id"].encode(),
            host,
            port,
            own["username"].encode(),
            own["password"].encode(),
            _KEEPALIVE_S,
        )
        client.set_callback(self._receive)
        client.set_last_will((self._base + "status").encode(), b'{"status": "offline"}', True, 1)
        self._feed()
        client.connect(False)
        commands = safekeep.setting("commands_topic", str)
        if commands != "":
            topic = (commands or "devices/+/commands").replace("+", own["device_id"])
            try:
                client.subscribe(topic.encode(), 1)
            except umqtt.simple.MQTTException:  # refused: then it can only tell
                print("safe mode: no commands: the broker refuses", topic)
        told = {"status": "online", "safe_mode": True}
        client.publish((self._base + "status").encode(), json.dumps(told).encode(), True)
        self._tell("safe_mode", {"starts": safekeep.number("starts"), "crash": safekeep.crash()})

    def _serve(self, began):
        asked = self._link.heard = time.ticks_ms()
        while not self._is_over(began):
            self._feed()
            if self._client.check_msg() is None:
                time.sleep_ms(_POLL_MS)
            while self._inbox:
                self._act(self._inbox.pop(0))
            now = time.ticks_ms()
            if time.ticks_diff(now, asked) >= _PING_MS:
                if time.ticks_diff(asked, self._link.heard) > _PING_MS:
                    raise OSError("the broker is silent")
                asked = now
                self._client.ping()

    def _tell(self, event_type, metadata):
        document = {"event_type": event_type, "metadata": metadata}
        if safekeep.now_s():
            document["timestamp"] = safekeep.now_s()
        # Not QoS 1: some versions of the client cannot.
        self._client.publish((self._base + "events").encode(), json.dumps(document).encode())

    def _receive(self, topic, message):
        """Take a message; the broker is told that we have it when this returns."""
        if topic.endswith(b"/config"):
            return
        try:
            command = json.loads(message)
            command_id = command["id"]
            check = hashlib.sha256(command_id.encode()).digest()[:8]
        except Exception:
            self._inbox.append({"id": None, "name": None})
            return
        if command_id in self._known or check in [safekeep.blob("safe_id")] + safekeep.journal():
            return
        self._known = self._known[-31:] + [command_id]
        if command.get("name") == "reboot":
            safekeep.nvs.set_blob("safe_id", check)
            safekeep.nvs.commit()
        self._inbox.append(command)

    def _act(self, command):
        command_id, until_s = command["id"], command.get("not_after")
        action = _ACTIONS.get(command.get("name"))
        answer = {"id": command_id, "state": "refused", "reason": "safe_mode"}
        if command_id is None:
            answer["reason"] = "not a command"
        elif until_s is not None and not (
            isinstance(until_s, int) and safekeep.now_s() and safekeep.now_s() <= until_s
        ):
            answer["reason"] = "expired"
        elif action:
            self._tell("command_result", {"id": command_id, "state": "accepted"})
            answer = {"id": command_id, "state": "done"}
            try:
                result = action(self)
                size = len(json.dumps(result))
                if result:
                    answer["result"] = {"too_large": size} if size > _MAX_ANSWER else result
            except (OSError, ValueError) as exc:
                answer = {"id": command_id, "state": "refused", "reason": str(exc)}
        self._tell("command_result", answer)

    def reboot(self):
        self._is_leaving = True

    def get_logs(self):
        return {"lines": [], "more": 0, "crash": safekeep.crash()}

    def get_config(self):
        return {"settings": safekeep.configs()[0] or safekeep.configs()[1], "more": 0}

    def restore_config(self):
        return safekeep.restore_config()


_ACTIONS = {
    "reboot": SafeMode.reboot,
    "get_logs": SafeMode.get_logs,
    "get_config": SafeMode.get_config,
    "restore_config": SafeMode.restore_config,
}


def run():
    """Be online until a normal start is worth another try; Ctrl-C ends it.

    Returns if there is nothing to go online with, after a while: starts must not follow each other
    so closely that nobody can get hold of the board.
    """
    feed = machine.WDT(timeout=_WATCHDOG_MS).feed
    try:
        mode = SafeMode(feed)
    except Exception as exc:
        print("safe mode: %s: %s" % (type(exc).__name__, exc))
        time.sleep_ms(_RETRY_MS)
        return
    mode.run()
