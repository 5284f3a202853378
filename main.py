"""Starts the agent: on the board after boot.py, on Linux as `micropython main.py --config FILE`.

On Linux --data DIR names the folder of identity, NVS and log (default: that of FILE).
What makes and ends the agent is in firmware/start.py and ending.py, which are in memory only then.
"""

import sys

_IS_CHIP = sys.platform == "esp32"

# The watchdog's limit until the agent has set its own.
_LOADING_MS = 60_000
# And while somebody has the REPL.
_REPL_MS = 600_000


def _reset(exc):
    """Restart though the agent's own code cannot even be loaded."""
    sys.print_exception(exc)
    if not _IS_CHIP:
        sys.exit(1)
    import esp32
    import machine

    if isinstance(exc, KeyboardInterrupt):
        machine.WDT(timeout=_REPL_MS)
        return
    nvs = esp32.NVS("ways")
    nvs.set_blob("crash", '{"error": "%s"}' % type(exc).__name__)
    nvs.commit()
    machine.reset()


def _build(*what):
    # A name here, and what it stands for, is there until the function returns.
    from firmware import start, unload

    unload("start")
    return start.build(*what)


def main(names):
    """Run the agent until it ends; return only to leave the board to somebody at its REPL.

    names are what boot.py has left.
    """
    agent = exc = None
    sleep_ms = 0
    try:
        if "safe_mode" in names:  # boot.py has found that it has to be
            names["safe_mode"]()
        if _IS_CHIP:
            import machine

            machine.WDT(timeout=_LOADING_MS)
        else:
            here = __file__.rpartition("/")[0] or "."
            sys.path[:0] = [here, here + "/lib"]
        agent = _build(names.get("ended"), names.get("starts", 0))
        if agent is None:  # the host can repair it
            return
        import asyncio

        sleep_ms = asyncio.run(agent.run())
    except BaseException as caught:
        if isinstance(caught, SystemExit) and not _IS_CHIP:
            raise
        exc = caught
    try:
        from firmware import ending

        ending.end(agent, sleep_ms, exc)
    except Exception as other:  # memory is full, or the code is what is wrong
        try:
            if agent and not sleep_ms:
                agent.store.flush("reset")
        finally:
            _reset(exc or other)


# boot.py ran in the same namespace; it exists on the board only.
if not globals().get("hold_s"):
    main(globals())
