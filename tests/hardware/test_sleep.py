"""Deep sleep: its current by hand, its wake, its clock, and the memory that outlives it."""

import base64
from contextlib import contextmanager

import pytest
from chip_rig import BANNER

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(600)]

# The agent allows for an RC oscillator that is off by 5 %.
DRIFT_PCT = 5
WAKE_MS = 3000
# A devkit with its regulator, LED and USB bridge; the chip alone takes 0.01 mA.
SLEEP_MA = 20
TOLD = r"hardware-check us=(\d+)"
OWN_USB = "the port is the chip's own USB, which is gone while it sleeps: use the board's UART"
PATTERN = bytes(range(1, 129))


@contextmanager
def sleeping(held, sleep_s):
    """Have the chip sleep; yield what is heard, after its own time was told, see TOLD."""
    if held.is_own_usb:
        pytest.skip(OWN_USB)
    with held.begun("sleep", {"sleep_ms": sleep_s * 1000}) as heard:
        yield heard


@pytest.fixture
def memory(held):
    """Yield a function that tells what RTC memory holds, having put something there if given."""

    def look(data=None, resets=True):
        args = {"data": None if data is None else base64.b64encode(data).decode()}
        return base64.b64decode(held.ask("memory", args, resets=resets)[0]["data"])

    before = look()
    yield look
    look(before)


def test_it_wakes_in_time_and_its_clock_goes_on(held, results, is_short):
    """Only a chip has the oscillator that counts while it sleeps, and a boot that takes time."""
    sleep_s = 5 if is_short else 60
    with sleeping(held, sleep_s) as heard:
        found, slept_s = heard.wait(TOLD, 30)
        _, woke_s = heard.wait(BANNER, sleep_s + 60)
    assert held.cause() == "DEEPSLEEP_RESET"
    wake_ms = round((woke_s - slept_s - sleep_s) * 1000)
    results.told("sleep asked for", sleep_s, "s")
    results.judge("wake to the prompt", wake_ms, "ms", WAKE_MS)
    with sleeping(held, 0) as heard:
        later, now_s = heard.wait(TOLD, 30)
    chip_s = (int(later[1]) - int(found[1])) / 1e6
    drift_pct = round(100 * (chip_s / (now_s - slept_s) - 1), 3)
    results.judge("drift of the clock over a sleep", abs(drift_pct), "%", DRIFT_PCT)


def test_rtc_memory_outlives_what_it_should(held, memory, results):
    """Only a chip tells which resets leave its RTC memory alone."""
    memory(PATTERN)
    assert memory() == PATTERN, "a soft reset took it"
    with sleeping(held, 2) as heard:
        heard.wait(TOLD, 30)
        heard.wait(BANNER, 60)
    assert held.cause() == "DEEPSLEEP_RESET"
    assert memory() == PATTERN, "deep sleep took it"
    with held.begun("watchdog", {"timeout_ms": 3000}) as heard:
        heard.wait("hardware-check stalls", 30)
        heard.wait(BANNER, 60)
    assert held.cause() == "WDT_RESET"
    assert memory() == PATTERN, "the watchdog's reset took it"
    results.told("RTC memory kept over soft reset, sleep, watchdog", len(PATTERN), "B")


def test_its_current_asleep_as_somebody_reads_it(held, results, person, is_short):
    """Only a meter in the board's supply tells what it takes; the port's power counts, too."""
    sleep_s = 5 if is_short else 60
    person(
        f"\nThe board is going to sleep for {sleep_s} s. Put a meter into its supply, "
        "then press Enter: "
    )
    with sleeping(held, sleep_s) as heard:
        heard.wait(TOLD, 30)
        said = person("It sleeps. What does the meter show, in mA? (Enter: no meter) ")
        heard.wait(BANNER, sleep_s + 60)
    if not said.strip():
        pytest.skip("the current asleep is read by hand, and no figure was given")
    results.judge("current asleep", float(said.replace(",", ".")), "mA", SLEEP_MA, 0.001)
