"""What is wrong and what to do, in lines that fit a terminal of 80 columns."""

import textwrap

from ways_device.secrets import one_line

_COLUMNS = 80
_LIMIT = 600


def advised(head: str, words: str, todo: str) -> list[str]:
    """Return words behind head, and todo below it; both untrusted, both of bounded length.

    head    what the lines after the first are indented by, as spaces
    """
    lines = _wrapped(head, words)
    return [*lines, *_wrapped(" " * len(head) + "-> ", todo)] if todo else lines


def _wrapped(head: str, words: str) -> list[str]:
    # A command is easier copied whole, but a line that is cut by the terminal is no better.
    return textwrap.wrap(
        one_line(words, _LIMIT),
        _COLUMNS,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]
