"""NVS on the chip's own partition, in a namespace of its own, which is emptied again."""

import pytest

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(120)]

NOT_FOUND = -0x1102
NOT_ENOUGH_SPACE = -0x1105
INVALID_LENGTH = -0x110C
VALUE_TOO_LONG = -0x110E


@pytest.fixture
def nvs(held):
    def do(step):
        return held.ask("nvs", {"step": step}, silent_s=60)[0]

    yield do
    assert do("clear") == {"left": NOT_FOUND}


def test_values_outlive_a_hard_reset_and_failures_have_their_numbers(held, nvs, results):
    """Only ESP-IDF has these error numbers, and only its partition these limits."""
    wrote = nvs("write")
    assert (wrote["kept"], wrote["blob_is_whole"]) == (-123456789, True)
    assert wrote["erased"] == NOT_FOUND
    assert wrote["short_buffer"] == INVALID_LENGTH
    results.told("error number of 32 KB in NVS", wrote["too_much"])
    assert wrote["too_much"] in (NOT_ENOUGH_SPACE, VALUE_TOO_LONG)
    assert wrote["kept_beside"] is None, "what did not fit cost another value"
    held.hard_reset()
    assert nvs("look") == {"kept": -123456789, "blob_is_whole": True}
