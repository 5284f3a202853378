"""Retry delays: doubling, capped, fully jittered so that a fleet does not reconnect in step.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, the variant named full jitter.
"""


class Backoff:
    def __init__(self, min_ms, max_ms, randrange):
        self._min_ms = min_ms
        self._max_ms = max_ms
        self._randrange = randrange
        self._step_ms = min_ms

    def reset(self):
        """Start again at the shortest step. Call it only after a stable while."""
        self._step_ms = self._min_ms

    def next_ms(self):
        """Return a random delay below a step that doubles up to max_ms, at least min_ms / 2."""
        step_ms = self._step_ms
        self._step_ms = min(self._max_ms, 2 * step_ms)
        return max(self._min_ms // 2, self._randrange(step_ms + 1))
