"""What the last run has left in flash: looked at once per start. In memory only then."""

import binascii
import json
import os
import struct

from firmware import files
from firmware.retained import NONE


def open_store(agent):
    """Look what there is, and have the platform told."""
    store = agent.store
    agent.publisher.add_event("store_opened", take(store), store.opened_told)


def take(store):
    """Have the store know what is there; return the metadata of the event store_opened."""
    retained, flash = store.retained, store.flash
    first = store.lost = retained.front_first
    durable = None
    try:
        tidy(flash.folder.rpartition("/")[0])
    except OSError as exc:
        store.log.warn("not_tidied", why=exc)
    try:
        files.make_folder(flash.folder)
        tidy(flash.folder)
        durable = find_ends(flash)
    except OSError as exc:
        store.log.error("log_unusable", why=exc)
    lost = first != NONE
    return {
        "boot": retained.boot,
        "next_seq": retained.next_seq,
        "lost_from": first if lost else None,
        "lost_to": retained.next_seq - 1 if lost else None,
        "last_durable": durable and {"boot": durable[0], "seq": durable[1]},
        "dropped_total": store.account.dropped_total,
        # How far back a power cut can reach: whoever accounts for the readings wants it.
        "flush_after_s": store.flush_after_s,
    }


def tidy(folder):
    """Remove what an interrupted files.replace() left in a folder. Raises OSError."""
    for item in os.ilistdir(folder):
        if item[0].endswith(".tmp"):
            os.remove("%s/%s" % (folder, item[0]))


def find_ends(flash):
    """Find both ends of the log; return (boot, seq) of its last entry, None if it has none.

    Nothing is written, unless a power cut left something half removed. Raises OSError.
    """
    account = flash.account
    take_over(account)
    names = [item[0].partition(".") for item in os.ilistdir(flash.folder)]
    numbers = [int(name) for name, _, kind in names if kind == "log" and name.isdigit()]
    flash.count = len(numbers)
    if account.gone in numbers:
        flash.remove(account.gone)
        numbers.remove(account.gone)
    # A number that was ever in use is not used again: the account may speak of it.
    flash.last = max(numbers + [account.cursor >> 13, account.gone])
    flash.first = min(numbers + [flash.last + 1])
    for number in range(flash.last, flash.first - 1, -1):
        found = _find_end(flash, number)
        if found:
            return found
    return None


def _find_end(flash, number):
    """Return (boot, seq) of a segment's last entry; let it grow if it is whole."""
    reader = flash.reader
    position, found, damage = number << 13, None, 0
    while True:
        end = reader.find(position, number)
        damage += reader.damage
        if end is None:
            break
        position, found = end, (reader.boot, reader.seq)
    if found and not damage and number == flash.last:
        of, head = reader.head
        if of == number and head[1] == flash.shape:
            flash.tail, flash.size = head, position & 8191
    return found


def take_over(account):
    """Take over what the account's file says, if it is whole and this device's."""
    try:
        with open(account.path, "rb") as file:
            data = file.read()
        if binascii.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            return
        owner, cursor, gone, total, drops = json.loads(data[:-4])
    except (OSError, ValueError):  # there is none, or it is cut short
        return
    if owner == account.owner:
        account.cursor, account.gone = cursor, gone
        account.dropped_total, account.drops = total, drops
