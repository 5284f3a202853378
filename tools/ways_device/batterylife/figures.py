"""The numbers that battery life is computed from, each with its source.

What nobody has published, or measured on this code, is marked as assumed.
"""

from dataclasses import dataclass, replace

_TVE = "measured on an ESP32, github.com/tve/blog, lp-wifi-esp32-2"
_G20 = "measured, github.com/glenn20/upy-esp32-experiments"
_IDF = "Espressif, ESP-IDF guide, low power mode in Wi-Fi scenarios"
_C3 = "Espressif, ESP32-C3-MINI-1 data sheet v2.2"
_S3 = "Espressif, ESP32-S3-WROOM-1 data sheet v1.8"
_HT7833 = "a regulator HT7833, 4 uA (time4ee.com); a voltage divider would come on top"


@dataclass(frozen=True)
class Figure:
    """A number and where it is from. chip is the one it was measured on, "" = it is for any."""

    value: float
    source: str
    is_assumed: bool = False
    chip: str = ""

    def on(self, chip: str) -> "Figure":
        """Return the figure for a chip: of another's it is only assumed to be the same."""
        if self.chip in ("", chip):
            return self
        return replace(self, source=f"{self.source}, taken for an {chip}", is_assumed=True)


@dataclass(frozen=True)
class Board:
    """Currents in mA at the board's supply; needs is the least voltage it takes."""

    chip: str
    always_ma: Figure  # what is beside the chip: regulator, USB chip, LED
    sleep_ma: Figure  # the chip in deep sleep
    boot_ma: Figure  # running, the radio off
    radio_ma: Figure  # running, the radio on
    joined_ma: Figure  # joined and idle, the radio asleep between beacons
    needs_v: float
    fed_v: float


@dataclass(frozen=True)
class Cell:
    """A battery. usable_pct is what can be taken before the voltage is too low for 3.3 V."""

    capacity_mah: Figure
    usable_pct: Figure
    monthly_loss_pct: Figure
    mean_v: float


_ESP32, _ESP32_C3, _ESP32_S3 = "ESP32", "ESP32-C3", "ESP32-S3"
_ESP32_MA = {
    "sleep_ma": Figure(0.010, "Espressif, ESP32 data sheet: deep sleep, RTC timer and memory"),
    "boot_ma": Figure(50, f"{_TVE}: start-up"),
    "radio_ma": Figure(120, f"{_TVE}: running"),
    "joined_ma": Figure(31.1, f"{_IDF}: modem sleep, DTIM 1"),
}

BOARDS = {
    "esp32-devkit": Board(
        chip=_ESP32,
        always_ma=Figure(
            3.79,
            "lucidar.me: ESP32-DevKitC V4 draws 3.8 mA in deep sleep, its chip 0.01 of it; "
            "a board of another maker 11.4 mA (kohacraft.com)",
        ),
        **_ESP32_MA,
        # An AMS1117 needs 1.1 V more than the 3.3 V it gives.
        needs_v=4.4,
        fed_v=5.0,
    ),
    "esp32": Board(
        chip=_ESP32, always_ma=Figure(0.004, _HT7833), **_ESP32_MA, needs_v=3.0, fed_v=3.3
    ),
    "esp32-c3": Board(
        chip=_ESP32_C3,
        always_ma=Figure(0.004, _HT7833),
        sleep_ma=Figure(0.005, f"{_C3}, table 6-7: RTC timer and memory"),
        boot_ma=Figure(28, f"{_C3}, table 6-6: 160 MHz, running, peripheral clocks on"),
        radio_ma=Figure(
            94, f"{_C3}: receiving 82 mA, the CPU 7, sending 350 for 2 % of the time", True
        ),
        joined_ma=Figure(21.5, f"{_IDF}: modem sleep, DTIM 1"),
        needs_v=3.0,
        fed_v=3.3,
    ),
    "esp32-s3": Board(
        chip=_ESP32_S3,
        always_ma=Figure(0.004, _HT7833),
        sleep_ma=Figure(0.008, "lucidar.me: ESP32-S3-DevKitM-1 at 3.3 V, its LED off"),
        boot_ma=Figure(64, f"{_G20}: boot of a FeatherS3, 41.9 mC in 635 ms, less its own 1.7 mA"),
        radio_ma=Figure(
            110, f"{_S3}: receiving 95 mA, the CPU 10, sending 355 for 2 % of the time", True
        ),
        joined_ma=Figure(40.1, f"{_IDF}: modem sleep, DTIM 1"),
        needs_v=3.0,
        fed_v=3.3,
    ),
}

_MONTHLY = Figure(2, "diracdelta.co.uk: 2 to 3 % a month; less in the cold")
_ALKALINE_MAH = Figure(2200, "powerstream.com/AA-tests.htm: Duracell Coppertop at 100 mA")
_ALKALINE_LOSS = Figure(0.33, "anrieff.net/batterytest: 85 % left after 4 years at 21 degC")

CELLS = {
    "li-ion": Cell(
        Figure(3280, "Batemo's measurement of a Panasonic NCR18650B at 0.1 C (wattworks.bike)"),
        Figure(85, "the agent's curve at 3.4 V"),
        _MONTHLY,
        mean_v=3.7,
    ),
    "lipo": Cell(
        Figure(2000, "a pouch of this size", True),
        Figure(95, "the agent's curve at 3.4 V, less what a cold day takes", True),
        _MONTHLY,
        mean_v=3.8,
    ),
    "lifepo4": Cell(
        Figure(1200, "Lithium Werks, APR18650M1B"),
        Figure(96, "the agent's curve at 3.0 V, without a regulator"),
        Figure(2, "lifebatt.eu: about 2 %, taken as that of a month", True),
        mean_v=3.28,
    ),
    "2xaa": Cell(
        _ALKALINE_MAH,
        Figure(100, "a booster that goes down to 1 V a cell", True),
        _ALKALINE_LOSS,
        mean_v=2.5,
    ),
    "3xaa": Cell(
        _ALKALINE_MAH, Figure(83, "the agent's curve at 3.4 V"), _ALKALINE_LOSS, mean_v=3.75
    ),
}

BOOSTER_PCT = 85  # the efficiency of a booster, assumed

# How long things take, in seconds.
BOOT_S = Figure(0.635, f"{_G20}: stock MicroPython to main.py, on an ESP32-S3", chip=_ESP32_S3)
START_S = Figure(1.5, "start of this code, which nobody has measured on a chip", True)
JOINS_S = {
    "fast": Figure(
        0.95, f"{_TVE}-mqtt: WPA2; channel, access point, address known: 948 ms", chip=_ESP32
    ),
    "full": Figure(
        1.56, f"{_G20}: WPA2 by name, with DHCP: 1626 ms, of them 70 boot", chip=_ESP32_S3
    ),
}
# The arithmetic of the chip, then the round trips of the session.
TLS_S = Figure(
    1.2,
    "github.com/micropython/micropython-esp32/issues/131: 1.18 to 1.28 s on an ESP32",
    chip=_ESP32,
)
LOGIN_ROUND_TRIPS = Figure(4.5, "socket to login, to which make bench holds the agent")
PUBLISH_S = Figure(0.2, "status, good-bye, the radio off: 0.2 s", True)
RTT_MS = Figure(50, "to the broker and back", True)
WINDOW = 16
# Of what is not the board's: nobody knows it but who wires it.
SENSORS_MS = Figure(100, "for a reading", True)
SENSORS_MA = Figure(2, "while they measure", True)
# Of an agent that is always on.
MESSAGE_S = Figure(0.1, "the radio awake for a reading", True)
