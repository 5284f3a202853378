# Put behind board_unix.py, whose Board is Machine then: a machine that sleeps as a chip does, in
# that its process ends. RTC memory is a file meanwhile; it is written once, in the end.

import sys


class Board(Machine):  # noqa: F821
    has_own_time = False

    def __init__(self, root):
        super().__init__(root)
        try:
            with open(self.root + "rtc", "rb") as file:
                self._rtc_memory = file.read()
        except OSError:
            pass
        self._is_wake = bool(self._rtc_memory)

    def reset_cause(self):
        return "sleep" if self._is_wake else "power"

    def deepsleep(self, _ms):
        with open(self.root + "rtc", "wb") as file:
            file.write(self._rtc_memory)
        sys.exit(0)
