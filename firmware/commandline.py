"""Linux: what main.py was started with. In memory only while it is read."""

from firmware.board_unix import Board

_USAGE = "usage: micropython main.py --config FILE [--data DIR]"


def read(words):
    """Return (board, folder of the config, its name) of the words behind main.py."""
    options = {"--config": None, "--data": None}
    for at in range(0, len(words), 2):
        if words[at] not in options or at + 1 == len(words):
            raise SystemExit(_USAGE)
        options[words[at]] = words[at + 1]
    if not options["--config"]:
        raise SystemExit(_USAGE)
    folder, _, name = ("./" + options["--config"]).rpartition("/")
    if options["--config"].startswith("/"):
        folder = folder[2:]
    return Board(options["--data"] or folder), folder + "/", name
