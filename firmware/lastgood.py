"""Keeps what has brought a session, to come back to. In memory only while it does."""

from firmware import files


def keep(session, board, log):
    """Keep the config, and where the broker is in case both configs get lost."""
    try:
        # On trial are those that came since: they take effect with the next start.
        if not board.nvs.get_i32("trial"):
            files.copy(board.root + "config.json", board.root + "config.last")
        broker = ("%s:%d" % (session.server, session.port)).encode()
        buf = bytearray(len(broker))
        if board.nvs.get_blob_into("broker", buf) != len(broker) or buf != broker:
            board.nvs.set_blob("broker", broker)
    except OSError as exc:
        log.warn("config_not_kept", why=exc)


def end_trial(session, board, log):
    """Trust settings that came over the network: they have brought a session, too."""
    board.nvs.set_i32("trial", 0)
    keep(session, board, log)
