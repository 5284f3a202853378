"""Log lines: <uptime ms> <E|W|I|D> <module> <event> key=value ..., keys sorted, no secrets.

E   a human should look             I   a state changed
W   degraded but handled            D   every step, off in the field
"""

LEVELS = "EWID"


class Root:
    """What all logs of an agent share."""

    def __init__(self, uptime_ms, level, sink=print):
        """level is one of LEVELS; sink takes one finished line."""
        self.uptime_ms = uptime_ms
        self.level = LEVELS.index(level)
        self.sink = sink


class Log:
    def __init__(self, module, root):
        self.module = module
        self.root = root

    def child(self, module):
        """Return the log of another module."""
        return Log(module, self.root)

    def error(self, event, **fields):
        self._line(0, event, fields)

    def warn(self, event, **fields):
        self._line(1, event, fields)

    def info(self, event, **fields):
        self._line(2, event, fields)

    def debug(self, event, **fields):
        self._line(3, event, fields)

    def _line(self, level, event, fields):
        root = self.root
        if level > root.level:
            return
        line = "%d %s %s %s" % (root.uptime_ms(), LEVELS[level], self.module, event)
        for key in sorted(fields):
            # A value is free text at times (an exception's); one line stays one line.
            value = str(fields[key]).replace("\r", " ").replace("\n", " ")
            line += " %s=%s" % (key, value)
        root.sink(line)
