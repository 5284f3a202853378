"""What a device tells of itself once per session. In memory only then."""

import binascii
import json
import sys

from firmware import VERSION


def attributes(board, points, cause, more):
    """Return the attributes as JSON bytes: what does not change while the agent runs.

    cause is why it was started, None if only the board knows; more is added.
    """
    fields = {
        "firmware_version": VERSION,
        "micropython_version": "%d.%d.%d" % sys.implementation.version[:3],
        "model": board.model,
        "hardware_id": binascii.hexlify(board.unique_id()).decode(),
        "capabilities": [point.key for point in points],
        "reset_cause": cause or board.reset_cause(),
    }
    fields.update(more)
    return json.dumps(fields).encode()
