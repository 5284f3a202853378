"""Names what ended a connection, and says how long to wait. In memory only then."""

import errno

from micropython import const

from firmware.errors import LinkError

# A word of what mbedTLS says of a certificate that it does not accept, and our name for it.
_VERDICTS = "match:name signed:ca expired:expired future:clock"
# The peer hung up during the handshake; not accepted, by a version that does not say why.
_CODES = {-0x7280: "eof", -0x2700: "cert"}
# mbedTLS's own error numbers are below; those above are errno's, negative.
_MBEDTLS_BELOW = const(-256)
# A login that was refused twice will be refused again until somebody changes something; and a
# session that the broker closed so often within this time is one that another client takes.
_LONG_MS = const(300_000)


def judge(session, exc):
    """Log why a link has ended; return how much longer than usual to wait for the next, in ms."""
    reason = why(exc)
    session.log.warn("session_failed", why=reason)
    if reason in ("tls:clock", "tls:expired"):
        session.doubted.set()
    session.refusals = session.refusals + 1 if reason.startswith("auth:") else 0
    was_kicked = session.was_kicked
    session.was_kicked = session.stage is None and reason in ("closed", "tcp:ECONNRESET")
    if was_kicked and session.was_kicked:
        clock, kicks = session.clock, session.kicks
        now = clock.ticks_ms()
        kicks.append(now)
        if len(kicks) > 2 and 0 <= clock.ticks_diff(now, kicks.pop(0)) <= _LONG_MS:
            session.log.error("session_contested")
            if session.contested:
                session.contested("session_contested", {})
            return session.backoff.max_ms
    return _LONG_MS if session.refusals > 1 else 0


def why(exc):
    """Return a short, stable name for what ended a connection or kept it from being made."""
    text = str(exc)
    code = exc.args[0] if exc.args else None
    if isinstance(exc, LinkError):
        return text
    if not isinstance(exc, (OSError, ValueError)):
        return repr(exc)
    for verdict in _VERDICTS.split():
        word, _, name = verdict.partition(":")
        if word in text:
            return "tls:" + name
    if code in errno.errorcode:
        return "tcp:" + errno.errorcode[code]
    if isinstance(code, int) and code < _MBEDTLS_BELOW:
        return "tls:" + _CODES.get(code, "proto " + text)
    return repr(exc)
