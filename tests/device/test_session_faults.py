"""The session through faults at chosen places, on virtual time: the short forms of three proofs.

The long forms try every byte, every call and every step; here are some of them, the same ones
each time.
"""

import random
import sys

sys.path.append("tests/proof/device")

from session_story import KINDS, Story, Tally

HEAP_KB = 512


def none_failed(sweep, kinds, share, shares, *more):
    random.seed(1)
    tally = Tally()
    sweep(kinds, share, shares, *more, tally)
    assert tally.tried > 100 and not tally.failed, tally.failures


def test_the_story_itself_has_all_that_is_to_be_disturbed():
    for kind in KINDS:
        story = Story(*kind)
        assert story.tell() == []
        broker = story.broker
        assert broker.logins == broker.disconnects == broker.subscribes == 1 and broker.pings
        assert len(broker.received) == 23 and len(story.handled) == 3
        assert len(story.net.socks) == 1
        if not story.net.grain:  # where a socket takes all at once, one write is one packet
            assert story.net.names.count("write") == broker.packets


def test_a_link_cut_anywhere_loses_nothing():
    from session_cut import sweep

    none_failed(sweep, KINDS, 0, 59, random)


def test_a_cut_is_seen_by_these_checks_if_readings_count_as_delivered_too_early():
    import session_cut

    assert session_cut.planted(0, 20)


def test_any_exception_of_any_call_ends_the_link_and_nothing_else():
    from socket_calls import sweep

    none_failed(sweep, KINDS, 0, 67)


def test_a_socket_that_stays_open_is_seen_by_these_checks():
    import socket_calls

    assert socket_calls.planted(0, 20)


def test_a_session_cancelled_anywhere_leaves_nothing_behind_and_can_start_again():
    from session_cancel import sweep

    none_failed(sweep, KINDS, 0, 19, random)


def test_a_task_that_outlives_the_session_is_seen_by_these_checks():
    import session_cancel

    assert session_cancel.planted(0, 10)
