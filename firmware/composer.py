"""From the records of the store to the text of a message: one reading, or an array of some."""

from firmware import codec
from firmware.errors import CorruptError
from firmware.reading import Reading, described
from firmware.store import HEADER_SIZE, header


class Composer:
    def __init__(self, store, reading, topics, clock, log, with_sequence, batch, most_bytes):
        """reading is the composer's own: records are unpacked into it.

        with_sequence   tell boot and seq of each reading
        batch           readings in a message, as a JSON array; 1 = no array
        most_bytes      of a message with more than one reading
        """
        self.store = store
        self.reading = reading
        self._old = reading  # of another time's settings, the last one that was met
        self.parts = topics.parts
        self.clock = clock
        self.log = log
        self.with_sequence = with_sequence
        self.batch = batch
        self.most_bytes = most_bytes
        self.record = memoryview(bytearray(HEADER_SIZE + 256))

    def compose(self, lane, skip, count, part):
        """Return (JSON bytes, number of readings) of what comes in a lane after the first skip.

        count   how many they are, None = as many as fit a message
        part    which of the topics that take readings it is for
        The text is None if none of them has a value for this part.
        """
        texts = []
        taken = size = 0
        # An array would mix what values a reading has with what others have: whole ones only.
        batch = self.batch if len(self.parts) == 1 else 1
        while taken < (count or batch):
            text = self._text(lane, skip + taken, part)
            if text is None:
                break
            size += len(text) + 2
            if taken and count is None and size > self.most_bytes:
                break
            if text:
                texts.append(text)
            taken += 1
        if not texts:
            return None, taken
        if batch > 1:
            return ("[" + ", ".join(texts) + "]").encode(), taken
        return texts[0].encode(), taken

    def _text(self, lane, skip, part):
        """Return the JSON of one reading, "" if it has no value, None if there is no reading."""
        if not self.store.peek_into(self.record, lane, skip):
            return None
        size, boot, seq, shape = header(self.record)
        reading = self.reading
        try:
            if shape != reading.shape:
                reading = self._reading_of(shape)
            reading.unpack(self.record[HEADER_SIZE:size])
        except (CorruptError, OSError, ValueError) as exc:
            self.log.error("record_skipped", boot=boot, seq=seq, why=exc)
            return ""
        epoch_s = self.clock.epoch_s(reading.stamp, reading.time_known, boot)
        if not self.with_sequence:
            boot = seq = None
        return codec.telemetry(reading, self.parts[part][1], epoch_s, boot, seq) or ""

    def _reading_of(self, shape):
        """Return a reading with the datapoints of another time's settings."""
        if self._old.shape != shape:
            self._old = Reading(described(self.store.points(shape)))
        return self._old
