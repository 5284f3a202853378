from fakes.clock import FakeClock
from firmware.budget import Budget


def sent_in(budget, clock, ms):
    """Return how many messages leave in ms when every wait is kept."""
    end, count = clock.now + ms, 0
    while clock.now < end:
        wait_ms = budget.wait_ms()
        if wait_ms:
            clock.now += wait_ms
        else:
            budget.spend()
            count += 1
    return count


def test_a_minute_of_messages_may_go_at_once_and_then_they_go_evenly():
    clock = FakeClock()
    budget = Budget(600, clock)
    assert sent_in(budget, clock, 1) == 600
    assert 599 <= sent_in(budget, clock, 60_000) <= 601
    clock.now += 3_600_000
    assert sent_in(budget, clock, 1) == 600


def test_zero_means_no_limit():
    budget = Budget(0, FakeClock())
    for _ in range(10_000):
        assert budget.wait_ms() == 0
        budget.spend()


def test_the_wait_is_over_when_it_says():
    clock = FakeClock(now=(1 << 30) - 500)  # over the wrap of the ticks
    budget = Budget(1, clock)
    budget.spend()
    clock.now += budget.wait_ms() - 1
    assert budget.wait_ms() > 0
    clock.now += 1
    assert budget.wait_ms() == 0
