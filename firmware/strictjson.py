"""JSON as the standard has it, and no more of it than a message to a device needs.

MicroPython's own parser takes missing commas, [1:2], unknown escapes and raw line ends, lets the
last of two equal keys win, and goes as deep as anybody likes. What is looked through here first
is none of that, has at most 4 levels and numbers of at most 10 digits, without an exponent. A
number that a device is told never needs more.
Source: RFC 8259; RFC 3629, section 4, for UTF-8.
"""

import json

from micropython import const

_DEPTH = const(4)
_DIGITS = const(10)


def parse(data):
    """Return the object in data, bytes. Raises ValueError that says what is wrong with it."""
    scan = _Scan(data)
    try:
        end = scan.blank(scan.value(scan.blank(0), 0))
    except IndexError:
        raise ValueError("json: it ends too early")
    if end != len(data):
        raise ValueError("json: more behind its end")
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("json: not an object")
    if _keys(value) != scan.keys:
        raise ValueError("json: a key is there twice")
    return value


def _keys(value):
    """Return how many keys there are, at all levels."""
    if isinstance(value, dict):
        return len(value) + sum(_keys(one) for one in value.values())
    return sum(_keys(one) for one in value) if isinstance(value, list) else 0


class _Scan:
    """Looks through bytes: each method takes where something begins, and returns where it ends."""

    def __init__(self, data):
        self.data = data
        self.keys = 0

    def blank(self, at):
        data = self.data
        while at < len(data) and data[at] in b" \t\r\n":
            at += 1
        return at

    def value(self, at, depth):
        data = self.data
        byte = data[at]
        if byte == 0x22:
            return self.text(at + 1)
        if byte in b"{[":
            if depth == _DEPTH:
                raise ValueError("json: over %d levels" % _DEPTH)
            return self.group(at + 1, depth + 1, byte == 0x7B)
        if byte in b"-0123456789":
            return self.number(at)
        for word in (b"true", b"false", b"null"):
            if data[at : at + len(word)] == word:
                return at + len(word)
        raise ValueError("json: no value at byte %d" % at)

    def group(self, at, depth, is_object):
        """Of an object or an array, behind its first byte."""
        data = self.data
        end = 0x7D if is_object else 0x5D
        at = self.blank(at)
        if data[at] == end:
            return at + 1
        while True:
            if is_object:
                at = self.key(at)
            at = self.blank(self.value(at, depth))
            if data[at] == end:
                return at + 1
            at = self.blank(self.expect(at, 0x2C))

    def key(self, at):
        self.keys += 1
        at = self.blank(self.text(self.expect(at, 0x22)))
        return self.blank(self.expect(at, 0x3A))

    def expect(self, at, byte):
        if self.data[at] != byte:
            raise ValueError("json: no %s at byte %d" % (chr(byte), at))
        return at + 1

    def text(self, at):
        """Of a text, behind its first quote."""
        data = self.data
        while data[at] != 0x22:
            byte = data[at]
            if byte < 0x20:
                raise ValueError("json: control character at byte %d" % at)
            if byte < 0x80 and byte != 0x5C:
                at += 1
            else:
                at = self.escape(at + 1) if byte == 0x5C else self.rune(at)
        return at + 1

    def escape(self, at):
        data = self.data
        if data[at] in b'"\\/bfnrt':
            return at + 1
        end = at + 5
        digits = data[at + 1 : end]
        if data[at] != 0x75 or len(digits) < 4:
            raise ValueError("json: escape at byte %d" % at)
        for digit in digits:
            if digit not in b"0123456789abcdefABCDEF":
                raise ValueError("json: escape at byte %d" % at)
        # Half a character: the other half would have to follow, and has a shorter form anyway.
        if digits[0] in b"dD" and digits[1] not in b"01234567":
            raise ValueError("json: escape at byte %d" % at)
        return end

    def rune(self, at):
        """Of a character of more than one byte."""
        data = self.data
        first, second = data[at], data[at + 1]
        size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        low = {0xE0: 0xA0, 0xF0: 0x90}.get(first, 0x80)
        high = {0xED: 0x9F, 0xF4: 0x8F}.get(first, 0xBF)
        good = 0xC2 <= first <= 0xF4 and low <= second <= high
        for number in range(2, size):
            good = good and 0x80 <= data[at + number] <= 0xBF
        if not good:
            raise ValueError("json: no UTF-8 at byte %d" % at)
        return at + size

    def number(self, at):
        start = at
        if self.data[at] == 0x2D:
            at += 1
        end = self.digits(at)
        count = end - at
        if count > 1 and self.data[at] == 0x30:
            raise ValueError("json: number at byte %d" % start)
        if self.data[end : end + 1] == b".":
            at = end + 1
            end = self.digits(at)
            count += end - at
        if count > _DIGITS or self.data[end : end + 1] in (b"e", b"E"):
            raise ValueError("json: number at byte %d" % start)
        return end

    def digits(self, at):
        data = self.data
        end = at
        while end < len(data) and data[end] in b"0123456789":
            end += 1
        if end == at:
            raise ValueError("json: number at byte %d" % at)
        return end
