"""Is the broker still there? Answered without trusting the socket, which may stay open for ever.

Sending alone proves nothing: a peer that is gone is noticed while publishing too. Hearing alone
does not keep the broker content: it wants a packet from us within 1.5 times the keepalive.
Source: MQTT 3.1.1, section 3.1.2.10.
"""


class Liveness:
    def __init__(self, link, keepalive_s, ticks_diff):
        self._link = link
        self._diff = ticks_diff
        self._quiet_ms = keepalive_s * 500  # then we ask
        self._told_ms = keepalive_s * 750  # then the broker has to hear of us
        self._answer_ms = max(5000, keepalive_s * 250)  # as long as an answer may take
        self._pinged = None

    def fault(self, now, waiting_since, ping):
        """Return why the peer is dead, or None. Calls ping() when it is time to ask.

        waiting_since is when the oldest open message began to wait for its PUBACK, or None.
        """
        link = self._link
        passed = self._diff
        if waiting_since is not None and passed(now, waiting_since) > self._answer_ms:
            return "silent: no PUBACK"
        if not link.is_free and passed(now, link.told) > self._answer_ms:
            return "silent: not reading"
        if self._pinged is not None:
            if passed(link.heard, self._pinged) < 0:
                return (
                    "silent: no PINGRESP" if passed(now, self._pinged) > self._answer_ms else None
                )
            self._pinged = None
        if passed(now, link.heard) > self._quiet_ms or passed(now, link.told) > self._told_ms:
            self._pinged = now
            ping()
        return None
