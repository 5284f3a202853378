"""What goes out: flat JSON, typed values, integers turned into decimals. Pure."""

import json


def fixed(value, decimals):
    """Return an integer of 10**-decimals units as decimal text, without using floats."""
    if not decimals:
        return str(value)
    whole, part = divmod(abs(value), 10**decimals)
    return "%s%d.%0*d" % ("-" if value < 0 else "", whole, decimals, part)


def telemetry(reading, key, epoch_s, boot=None, seq=None):
    """Return one reading as JSON text, with one of its values (key) or all (None).

    epoch_s is the Unix time or None. With boot and seq a reading can be told from every other;
    only then is an unknown time said so. Returns None if there is no value to send.
    """
    fields = []
    for value, point in zip(reading.values, reading.points):
        if value is None or (key is not None and key != point.key):
            continue
        is_number = point.data_type == "number"
        text = fixed(value, point.decimals) if is_number else json.dumps(value)
        fields.append('"%s": %s' % (point.key, text))
    if not fields:
        return None
    if epoch_s is not None:
        fields.append('"timestamp": %d' % epoch_s)
    elif boot is not None:
        fields.append('"time_unknown": true')
    if boot is not None:
        fields.append('"boot": %d, "seq": %d' % (boot, seq))
    return "{" + ", ".join(fields) + "}"


def event(event_type, epoch_s, metadata):
    """Return one event as JSON text; epoch_s may be None, metadata is an object."""
    document = {"event_type": event_type, "metadata": metadata}
    if epoch_s is not None:
        document["timestamp"] = epoch_s
    return json.dumps(document)
