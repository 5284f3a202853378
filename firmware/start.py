"""Makes the agent: settings, identity, then its parts. In memory only while it does."""

import gc
import sys

from firmware import transport, unload
from firmware.clock import Clock
from firmware.errors import ConfigError, CorruptError
from firmware.log import Log, Root
from firmware.retained import PLANNED

# How long the watchdog waits with nothing to run: as long as the chip's counter goes.
_IDLE_MS = 604_800_000
# Memory is collected whenever so many bytes were taken.
_LOADING, _RUNNING = 1024, 4096


def build(ended, starts):
    """Return the agent, or None where there is nothing to make one of and a host could help.

    ended and starts are what boot.py has found. On Linux the process ends instead.
    """
    # Loading leaves holes all over a heap that is collected only when it is full.
    gc.threshold(_LOADING)
    board, folder, name = _board()
    log = Log("agent", Root(Clock.ticks_ms, "I"))
    found = _look_back(board, ended, starts)
    try:
        settings = _settings(folder, log, name, board, None)
        identity = _identity(board)
        _context(identity)  # it can be made; there is no room to keep it yet
        agent = _agent(board, folder, name, log, settings, identity, found[0])
        settings = None
        gc.collect()
        agent.session.ssl = _context(identity)
        if "firmware.sleeper" not in sys.modules:  # which does that when it needs to
            _open_store(agent)
        _tell(agent, found)
        gc.collect()
        gc.threshold(_RUNNING)
        return agent
    except ConfigError as exc:
        log.error("config_unusable", why=exc)
    except CorruptError as exc:
        log.error("identity_unusable", why=exc)
    if sys.platform != "esp32":
        sys.exit(1)
    board.watchdog(_IDLE_MS)
    _note(board)
    return None


def _agent(board, folder, name, log, settings, identity, cause):
    client = None
    while True:
        gc.collect()
        from firmware import wiring

        client = client or sys.modules["umqtt.simple"]
        # The session has its own in place of the others.
        lighten(client.MQTTClient, "__init__", "set_callback", "set_last_will")
        unload("wiring")
        unload("fitting")
        gc.collect()
        try:
            agent = wiring.wire(board, settings, identity, print, cause)
        except ConfigError as exc:  # they contradict each other, or the board
            settings.refused = exc  # pyright: ignore[reportAttributeAccessIssue]
            settings = _settings(folder, log, name, board, settings)
            sys.modules["umqtt.simple"] = client
            continue
        # A sleeper looks at its log later, if at all.
        if not settings.connect_every:  # pyright: ignore[reportAttributeAccessIssue]
            wiring.forget()
        lighten(client.MQTTClient)
        return agent


def lighten(client, *kept):
    """Let umqtt.simple's class, on which Session stands, have these methods only.

    Who asks for that class afterwards gets a whole one.
    """
    for name in list(client.__dict__):
        if name not in kept:
            _forget(client, name)
    package = sys.modules["umqtt"]
    if hasattr(package, "simple"):
        _forget(package, "simple")
        sys.modules["umqtt.simple"] = None  # pyright: ignore[reportArgumentType]
        del sys.modules["umqtt.simple"]


def _forget(owner, name):
    """Delete an attribute. A slot of a dict keeps its value then, and with it what that holds."""
    setattr(owner, name, None)
    delattr(owner, name)


def _settings(folder, log, name, board, refused):
    from firmware import config

    try:
        return config.usable(folder, log, name, board.nvs, refused)
    finally:
        unload("config")


def _identity(board):
    from firmware import identity

    try:
        return identity.load(board)
    finally:
        unload("identity")


def _context(identity):
    """Return what verifies the broker. It takes two kilobytes."""
    try:
        return transport.context(identity.ca)
    except (OSError, ValueError) as exc:
        raise CorruptError("ca: %s" % exc)


def _look_back(board, ended, starts):
    from firmware import lastrun

    found = lastrun.found(board, ended, starts)
    unload("lastrun")
    return found


def _open_store(agent):
    from firmware import stock

    stock.open_store(agent)
    unload("stock")


def _tell(agent, found):
    from firmware import lastrun

    lastrun.tell(agent, found)
    unload("lastrun")


def _note(board):
    from firmware import lastrun

    lastrun.note(board, None, PLANNED, None)


def _board():
    """Return (board, folder of the config, its name)."""
    if sys.platform == "esp32":
        from firmware.board import Board

        return Board(), "/", "config.json"
    from firmware.commandline import read

    try:
        return read(sys.argv[1:])
    finally:
        unload("commandline")
