"""What a sleeper does in a wake with a session: all that waits is delivered, then it may go.

In memory only in such a wake.
"""

from micropython import const

from firmware import rhythm, transport

# So many failures of the link or of the session in a row, and there is no use in trying on.
_TRIES = const(2)
_LOOK_MS = const(20)
# Parts of a wake, see sleeper.py.
_SAMPLE = const(1)
_JOIN = const(2)
_LOGIN = const(3)
_DELIVER = const(4)


class Tries:
    """A Backoff that counts."""

    def __init__(self, backoff):
        self._backoff = backoff
        self.max_ms = backoff.max_ms
        self.count = 0

    def reset(self):
        self._backoff.reset()

    def next_ms(self):
        self.count += 1
        return self._backoff.next_ms()


class Delivery:
    """One attempt. It counts as a failure until it has come to something."""

    is_done = False
    _stage = _JOIN

    def __init__(self, sleeper, names):
        """Prepare what the jobs of the sleeper then do; names are those of the parts."""
        self.sleeper = sleeper
        self.log = sleeper.log
        self._made = sleeper.clock.ticks_ms()
        self.kept = kept = sleeper.kept
        store, session, wifi = sleeper.store, sleeper.session, sleeper.wifi
        rhythm.put_off(kept, sleeper.every)
        sleeper.publisher.status.more = rhythm.account(kept, names)
        said = store.look()
        self._is_first = kept.is_untold
        if kept.is_untold:
            sleeper.publisher.add_event("store_opened", said, self._opened_told)
        wifi.fast, kept.hint = kept.hint, b""
        if kept.address:
            wifi.known[session.server] = kept.address.decode()
        session.backoff = Tries(session.backoff)
        wifi.backoff = Tries(wifi.backoff)
        kept.save()

    def _opened_told(self):
        self.kept.is_untold = False
        self.kept.save()

    async def run(self, parts):
        """Return when all is delivered and answered, or when there is no use in trying on.

        parts gets the time that joining, logging in and delivering take.
        """
        session, wifi, clock = self.sleeper.session, self.sleeper.wifi, self.sleeper.clock
        asked, last = None, clock.ticks_ms()
        if self._made is not None:
            # So far it went on beside the sample, whose time is counted already.
            beside_ms = max(0, clock.ticks_diff(last, self._made) - parts[_SAMPLE])
            last, self._made = clock.ticks_add(last, -beside_ms), None
        while max(wifi.backoff.count, session.backoff.count) < _TRIES:
            part = self._stage
            if part < _DELIVER:
                part = self._look()
            now = clock.ticks_ms()
            parts[part] += clock.ticks_diff(now, last)
            last = now
            if not self._is_idle():
                asked = None
            elif asked is None:
                # What the broker has for us comes before its answer to this.
                session.link.put_short(transport.PINGREQ)
                asked = clock.ticks_ms()
            elif clock.ticks_diff(session.link.heard, asked) > 0:
                self.is_done = True
                return
            await clock.sleep_ms(_LOOK_MS)

    def _look(self):
        """See how far the login is; return the part of a wake that it was in until now."""
        sleeper = self.sleeper
        part = self._stage
        if sleeper.session.up.is_set():
            part, self._stage = _LOGIN, _DELIVER
            if sleeper.downlink:  # it has waited for a session
                sleeper.downlink.stirred.set()
            rhythm.keep_link(self.kept, sleeper.wifi, sleeper.session.server)
        elif sleeper.wifi.up.is_set():
            self._stage = _LOGIN
        return part

    def _is_idle(self):
        """Tell whether nothing is on its way, nor could be."""
        sleeper = self.sleeper
        session = sleeper.session
        window = session.window
        return (
            session.has_room
            and not (window.ids or window.asked or sleeper.publisher.ready.is_set())
            and sleeper.sampler.free.is_set()
            and not _has_work(sleeper.downlink)
        )

    def end(self, is_stopped):
        """Decide what it was, once it is over, or was ended by an order (is_stopped)."""
        sleeper = self.sleeper
        if self.is_done or is_stopped or any(lane.first for lane in sleeper.publisher.lanes):
            rhythm.delivered(self.kept)
        else:
            self.log.warn("connect_put_off", samples=self.kept.wait)
        if self.is_done and self._is_first:
            from firmware import lastgood

            lastgood.keep(sleeper.session, sleeper.board, self.log)


def _has_work(downlink):
    """Tell whether a command or settings are to be acted upon or told of, or are being.

    The journal is open as long as a command is.
    """
    return downlink and (downlink.stirred.is_set() or downlink.journal or downlink.documents)
