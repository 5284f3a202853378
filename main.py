"""Starts the agent: on the board after boot.py, on Linux as `micropython main.py --config FILE`.

On Linux --data DIR names the folder of identity, NVS and log (default: that of FILE).
"""

import gc
import sys

IS_CHIP = sys.platform == "esp32"


def _arguments(words):
    """Return (config file's folder, its name, data folder) of a command line on Linux."""
    options = {"--config": None, "--data": None}
    for at in range(0, len(words), 2):
        if words[at] not in options or at + 1 == len(words):
            raise SystemExit("usage: micropython main.py --config FILE [--data DIR]")
        options[words[at]] = words[at + 1]
    if not options["--config"]:
        raise SystemExit("usage: micropython main.py --config FILE [--data DIR]")
    folder, _, name = ("./" + options["--config"]).rpartition("/")
    if options["--config"].startswith("/"):
        folder = folder[2:]
    return folder + "/", name, options["--data"] or folder


def _board():
    """Return (board, folder of the config, its name)."""
    if IS_CHIP:
        from firmware.board import Board

        return Board(), "/", "config.json"
    here = __file__.rpartition("/")[0] or "."
    sys.path[:0] = [here, here + "/lib"]
    folder, name, data = _arguments(sys.argv[1:])
    from firmware.board_unix import Board

    return Board(data), folder, name


def _once(name):
    """Return a module of the firmware that is not kept: what it takes is free when it has run."""
    import firmware

    full = "firmware." + name
    module = __import__(full, None, None, (name,))
    # A slot of a dict keeps its value when it is deleted, and with it what that holds.
    sys.modules[full] = None  # pyright: ignore[reportArgumentType]
    del sys.modules[full]
    setattr(firmware, name, None)
    delattr(firmware, name)
    return module


def _drop(*names):
    """Let go of what has built the agent and is not needed any more."""
    for name in names:
        globals()[name] = None


def _build(board, folder, name, log):
    settings = _once("config").load(folder, log, name)
    identity = _once("identity").load(board)
    wiring = _once("wiring")
    _drop("_once")
    # The session has its own in place of the others.
    wiring.lighten("__init__", "set_callback", "set_last_will")
    gc.collect()
    agent = wiring.wire(board, settings, identity)
    wiring.forget()
    wiring.lighten()
    return agent


def main():
    board, folder, name = _board()
    _drop("_arguments", "_board")

    from firmware.clock import Clock
    from firmware.errors import ConfigError, CorruptError
    from firmware.log import Log

    log = Log("agent", Clock.ticks_ms, "I")
    try:
        agent = _build(board, folder, name, log)
    except (ConfigError, CorruptError) as exc:
        kind = "config" if isinstance(exc, ConfigError) else "identity"
        log.error(kind + "_unusable", why=exc)
        if IS_CHIP:  # it stays at its REPL, where the host can repair it
            return
        sys.exit(1)
    _drop("_build")
    gc.collect()

    import asyncio

    try:
        asyncio.run(agent.run())
    except KeyboardInterrupt:
        print("agent stopped")
        return
    except Exception as exc:
        sys.print_exception(exc)
    finally:
        agent.flush("reset")
    board.reset()


# boot.py ran in the same namespace; it exists on the board only.
if not globals().get("hold_s"):
    # Loading leaves holes all over a heap that is collected only when it is full.
    gc.threshold(4096)
    main()
