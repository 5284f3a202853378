"""Names what ended a connection. In memory only while there is something to name."""

import errno

from micropython import const

from firmware.errors import LinkError

# A word of what mbedTLS says of a certificate that it does not accept, and our name for it.
_VERDICTS = "match:name signed:ca expired:expired future:clock"
# The peer hung up during the handshake; not accepted, by a version that does not say why.
_CODES = {-0x7280: "eof", -0x2700: "cert"}
# mbedTLS's own error numbers are below; those above are errno's, negative.
_MBEDTLS_BELOW = const(-256)


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
