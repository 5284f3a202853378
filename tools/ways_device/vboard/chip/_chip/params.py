"""What the supervisor said at the start; the same until the next reset."""

unique_id = b""
reset_cause = 0
dns = ""


def load(values):
    """Take over the chip's properties from the start-up parameters, see start.py."""
    global unique_id, reset_cause, dns
    unique_id = bytes.fromhex(values["unique_id"])
    reset_cause = values["cause"]
    dns = values["dns"]
