from firmware.backoff import Backoff


def test_steps_double_up_to_the_cap_and_start_again_after_reset():
    backoff = Backoff(100, 1000, lambda limit: limit - 1)
    assert [backoff.next_ms() for _ in range(6)] == [100, 200, 400, 800, 1000, 1000]
    backoff.reset()
    assert backoff.next_ms() == 100


def test_the_jitter_is_full_but_never_none():
    backoff = Backoff(100, 1000, lambda limit: 0)
    assert [backoff.next_ms() for _ in range(3)] == [50, 50, 50]
