"""The least size at which something works, if it works at all sizes above."""

_NEAR, _FAR = 3, 8
_AGAIN = 2


def least(attempt, guess, lowest, highest):
    """Return the least size that works, and has done so several times; None if highest is none.

    attempt(sizes)  returns for each of one or two sizes whether it works, tried side by side;
                    one that fails once does not work
    guess           where to look first; lowest is known to be too little
    """
    known = {lowest: False}

    def learn(sizes):
        for size, is_good in zip(sizes, attempt(sizes), strict=True):
            known[size] = known.get(size, True) and is_good

    if lowest < guess - 1 < guess < highest:
        learn([guess - 1, guess])
    while True:
        high = min((size for size, good in known.items() if good), default=highest)
        low = max(size for size, good in known.items() if not good and size < high)
        if high - low > 1:
            learn(_next(low, high, lowest, highest))
            continue
        if high == highest:
            return None
        # A size that is nearly too small works now and then: once is not enough.
        learn([high] * _AGAIN)
        if known[high]:
            return high


def _next(low, high, lowest, highest):
    """Return the sizes to try between one that is too little and one that works."""
    if low == lowest and high < highest:  # what has become better is searched from above
        sizes = {high - _NEAR, high - _FAR}
    elif low > lowest and high == highest:
        sizes = {low + _NEAR, low + _FAR}
    else:
        third = max((high - low) // 3, 1)
        sizes = {low + third, high - third}
    return sorted({min(max(size, low + 1), high - 1) for size in sizes})
