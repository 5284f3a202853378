"""Retry delays: doubling, capped, fully jittered so that a fleet does not reconnect in step.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, the variant named full jitter.
"""


class Backoff:
    def __init__(self, min_ms, max_ms, randrange):
        self.max_ms = max_ms
        self.min_ms = min_ms
        self.randrange = randrange
        self._step_ms = min_ms

    def reset(self):
        """Start again at the shortest step. Call it only after a stable while."""
        self._step_ms = self.min_ms

    def next_ms(self):
        """Return a random delay below a step that doubles up to max_ms, at least min_ms / 2."""
        step_ms = self._step_ms
        self._step_ms = min(self.max_ms, 2 * step_ms)
        return max(self.min_ms // 2, self.randrange(step_ms + 1))
