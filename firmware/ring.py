"""The last log lines, in RAM, for somebody far away who asks for them."""


class Ring:
    """A sink of log lines, see log.py. What it holds is buf[:end]: whole lines, oldest first."""

    def __init__(self, size, sink):
        """size is in bytes; each line goes to sink too."""
        self.buf = memoryview(bytearray(size))
        self.end = 0
        self.sink = sink

    def __call__(self, line):
        self.sink(line)
        buf = self.buf
        data = line.encode()[: len(buf) - 1] + b"\n"
        at = surplus = self.end + len(data) - len(buf)
        if surplus > 0:
            while buf[at - 1] != 10:
                at += 1
            buf[: self.end - at] = buf[at : self.end]
            self.end -= at
        buf[self.end : self.end + len(data)] = data
        self.end += len(data)
