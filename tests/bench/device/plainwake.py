"""A wake with plain umqtt.simple: connect, publish with QoS 1, disconnect.

order.json has host, port, ca, user, and so many messages (count) of the same topic and payload.
Prints {"login", "deliver", "leave"} in ms.
"""

import json
import sys
import time

from tlsshim import Ussl
from umqtt.simple import MQTTClient


def main(order):
    ticks = [time.ticks_ms()]
    user = order["user"]
    sys.modules["ussl"] = Ussl(order["ca"], order["host"])
    client = MQTTClient(user, order["host"], order["port"], user, "password", 60, ssl=True)
    client.connect(False)
    ticks.append(time.ticks_ms())
    for _ in range(order["count"]):
        client.publish(order["topic"].encode(), order["payload"].encode(), False, 1)
    ticks.append(time.ticks_ms())
    client.disconnect()
    ticks.append(time.ticks_ms())
    took = [time.ticks_diff(end, start) for start, end in zip(ticks, ticks[1:])]
    print(json.dumps(dict(zip(("login", "deliver", "leave"), took))))


with open("order.json") as file:
    main(json.load(file))
