"""Plain umqtt.simple in the loop that most people put around it: one reading a second.

Argument: the path of a JSON object {host, port, ca, user}. Prints "taken N" for each reading.
"""

import json
import sys
import time

from tlsshim import Ussl
from umqtt.simple import MQTTClient, MQTTException

INTERVAL_MS = 1000

with open(sys.argv[1]) as file:
    order = json.load(file)
sys.modules["ussl"] = Ussl(order["ca"], order["host"])
topic = b"devices/%s/telemetry" % order["user"].encode()
seq = 0
while True:
    client = MQTTClient(
        order["user"], order["host"], order["port"], "user", "password", 30, ssl=True
    )
    try:
        client.connect(False)
        while True:
            print("taken", seq)
            client.publish(topic, json.dumps({"seq": seq}).encode(), False, 1)
            seq += 1
            time.sleep_ms(INTERVAL_MS)
    except (OSError, MQTTException, AssertionError, IndexError):
        time.sleep_ms(INTERVAL_MS)
    finally:
        if client.sock:
            client.sock.close()
