"""The filters of sensors (filters.py) over a sleep: what was told last, on which side of a limit.

For each channel, little-endian: i8 zone (2 = not known yet), u32 how long nothing was told, in ms,
u8 count of the values that were told last, i32 each. Texts are not kept: they are told again.
"""

import struct

from micropython import const

from firmware.keeping import CHANNELS

_UNKNOWN = const(2)


def restore(sampler, kept):
    """Give the channels back what keep() took, if this run goes on where that one ended."""
    data, at = kept.channels, 0
    if not kept.is_wake:
        return
    try:
        for channel in _channels(sampler):
            zone, quiet_ms, count = struct.unpack_from("<bIB", data, at)
            at += 6
            if count:
                channel.told = list(struct.unpack_from("<%di" % count, data, at))
                at += 4 * count
            channel.zone = None if zone == _UNKNOWN else zone
            channel.quiet_ms = quiet_ms
    except ValueError:  # it was too much to keep
        pass


def make_due(sampler, ticks):
    """Have all sensors asked, and a reading made of it."""
    sampler.report_due = ticks
    for _, sensor in sampler.filtered:
        sensor.due = ticks


def keep(sampler, kept):
    data = b""
    for channel in _channels(sampler):
        zone = _UNKNOWN if channel.zone is None else channel.zone
        told = channel.told or ()
        if channel.point.data_type != "number" or len(data) + 6 + 4 * len(told) > CHANNELS:
            told = ()
        data += struct.pack("<bIB", zone, channel.quiet_ms, len(told))
        data += struct.pack("<%di" % len(told), *told)
    kept.channels = data[:CHANNELS]


def _channels(sampler):
    for _, sensor in sampler.filtered:
        for channel in sensor.channels:
            yield channel
