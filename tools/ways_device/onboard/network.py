# type: ignore
# ruff: noqa: F821, PLR2004 (common.py, slots.py, exchange.py and broker.py go before it)
"""Try the board's own way to the broker, step by step: a line for each as soon as it is done.

The login is read from the identity and goes to the broker only.
"""

_JOIN_MS = 15000
_REASONS = {
    15: "wrong_password",
    201: "no_ap_found",
    202: "wrong_password",
    203: "assoc_failed",
    204: "handshake",
}


def main(args):
    """args: host, port, ntp_hosts, dns_servers, topics (to subscribe to), echo (to publish to)"""
    body = current()
    wlan = joined(body)
    if wlan:
        servers = args["dns_servers"] or [wlan.ifconfig()[3]]
        address = found(args["host"], servers)
        ask_time(args["ntp_hosts"], servers)
        if address:
            visit(body, address, args)
    answer({"check": "end"})


def joined(body):
    """Join the first network that lets us in; return the interface, None if none does."""
    import time

    import network

    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    wlan.config(reconnects=0)
    for entry in sorted(body["wifi"], key=lambda one: -one.get("priority", 0)):
        why = "timeout"
        wlan.disconnect()
        time.sleep_ms(100)
        wlan.connect(entry["ssid"], entry["password"])
        started = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), started) < _JOIN_MS:
            if wlan.isconnected():
                rssi = wlan.status("rssi")
                answer({"check": "wifi", "ssid": entry["ssid"], "why": None, "rssi_dbm": rssi})
                return wlan
            if wlan.status() in _REASONS:
                why = _REASONS[wlan.status()]
                break
            time.sleep_ms(100)
        wlan.disconnect()
        answer({"check": "wifi", "ssid": entry["ssid"], "why": why})
    return None


def found(name, servers, check="dns"):
    """Return the address of a name, None if nobody tells it."""
    if name.replace(".", "").isdigit():
        return name
    if name == "localhost":
        return "127.0.0.1"
    try:
        address, server = look_up(name, servers)
    except OSError as exc:
        line = {"check": check, "name": name, "why": str(exc), "servers": list(servers)}
        answer(line)
        return None
    answer({"check": check, "name": name, "why": None, "address": address, "server": server})
    return address


def ask_time(hosts, servers):
    """Ask each time server; the first that tells the time sets the clock, as the agent does."""
    is_set = False
    for host in hosts:
        name, _, port = host.partition(":")
        address = found(name, servers, "dns_time")
        if not address:
            answer({"check": "sntp", "host": host, "why": "no address"})
            continue
        try:
            now_s = time_of(address, int(port or 123))
        except OSError as exc:
            answer({"check": "sntp", "host": host, "why": str(exc)})
            continue
        answer({"check": "sntp", "host": host, "why": None, "epoch_s": now_s})
        if not is_set:
            set_clock(now_s)
            is_set = True


def set_clock(epoch_s):
    import time

    import machine

    shift_s = 946684800 if time.gmtime(0)[0] == 2000 else 0
    year, month, day, hour, minute, second, weekday = time.gmtime(epoch_s - shift_s)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def visit(body, address, args):
    """Log in as the device, and see whether its topics are open to it."""
    stage, link = "tcp", None
    try:
        link = Visit(address, args["port"], args["host"], binascii.a2b_base64(body["ca"]))
        stage = "tls"
        link.send(connect(body), _TLS_MS)
        der = link.certificate()
        der = der and binascii.b2a_base64(der).decode().strip()
        answer({"check": "tls", "why": None, "certificate": der})
        stage = "login"
        _, said = link.receive((2,))
        answer({"check": "login", "why": None, "code": said[1], "resumed": bool(said[0] & 1)})
        if said[1] == 0:
            stage = "topics"
            answer({"check": "topics", "why": None, "granted": subscribed(link, args["topics"])})
            stage = "echo"
            answer({"check": "echo", "why": None, "came_back": echoed(link, args["echo"])})
            unsubscribe(link, args["topics"])
            link.send(b"\xe0\x00")
    except (OSError, ValueError) as exc:
        answer({"check": stage, "why": fault(exc)})
    finally:
        if link:
            link.close()


def subscribed(link, topics):
    """Return what the broker grants for each topic: 0 or 1, 128 for none."""
    granted = {}
    for number, topic in enumerate(topics, 1):
        link.send(packet(0x82, bytes((0, number)) + text(topic) + b"\0"))
        _, body = link.receive((9,))
        granted[topic] = body[2]
    return granted


def echoed(link, topic):
    """Publish an event and tell whether it came back. Raises OSError if it is not taken."""
    event = json.dumps({"event_type": "doctor_visited", "metadata": {}}).encode()
    link.send(packet(0x32, text(topic) + b"\0\x40" + event))
    acknowledged = came_back = False
    try:
        while not (acknowledged and came_back):
            first, body = link.receive((3, 4), 3000)
            if first >> 4 == 4:
                acknowledged = True
            elif topic.encode() in body and event in body:
                came_back = True
    except OSError:
        if not acknowledged:
            raise
    return came_back


def unsubscribe(link, topics):
    for number, topic in enumerate(topics, 1):
        link.send(packet(0xA2, bytes((0, 0x20 + number)) + text(topic)))
        link.receive((11,))
