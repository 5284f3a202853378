"""From a bare interpreter to a running chip."""

import gc
import sys

from _chip import (
    clock,
    flash,
    host,
    params,
    radio,
    repl,
    signals,
    sockets,
    system,
    timers,
    tty,
    wear,
)

_BUILT_IN = ("machine", "network", "esp32")
_FROZEN = ("dht", "ds18x20", "neopixel", "ntptime", "onewire", "ssl", "umqtt.simple")


def main(wire_fd, user_globals):
    """Become the chip; ends only by host.leave() or a signal.

    user_globals: the names of __main__. Ours go, the user's programs begin with none.
    """
    values = host.connect(wire_fd)
    params.load(values)
    wear.begin(values["cause"])
    host.attach()
    tty.open_line()
    signals.install(timers.run_due)
    system.install()
    clock.install(values["clock_is_shifted"])
    radio.install()
    sockets.install()
    # These stay loaded, as what is built in or frozen on the chip needs no file of its flash.
    sys.path.append(values["lib"])
    for name in _BUILT_IN + _FROZEN:
        __import__(name)
    mounted = flash.mount()
    _forget_ourselves(user_globals)
    sys.path[:] = ["", ".frozen", "/lib"]
    host.wire.send({"up": True})
    gc.collect()
    repl.run(user_globals, values["raw"], None if mounted else flash.nag)


def _forget_ourselves(names):
    for name in list(sys.modules):
        if name.startswith("_chip"):
            del sys.modules[name]
    for name in list(names):
        if name != "__name__":
            del names[name]
