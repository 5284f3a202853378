"""What the figures are called, their units, and what they are meant to be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """most and least are what is promised, None where nothing is."""

    unit: str
    most: float | None = None
    least: float | None = None

    def target(self):
        if self.most is not None:
            return f"<= {number(self.most)}"
        return "" if self.least is None else f">= {number(self.least)}"

    def verdict(self, value):
        if self.most is None and self.least is None:
            return ""
        is_met = value <= self.most if self.most is not None else value >= self.least
        return "met" if is_met else "MISSED"


FIGURES = {
    "least_heap_bytes_32bit": Figure("bytes", most=64 * 1024),
    "least_heap_bytes_32bit_rom": Figure("bytes", most=44 * 1024),
    "live_heap_bytes_32bit": Figure("bytes"),
    "idle_heap_bytes_per_s_32bit": Figure("bytes/s", most=1024),
    "qos1_tls_rtt50_msgs_per_s": Figure("messages/s", least=288),
    "ratio_to_window_over_rtt": Figure("", least=0.9),
    "ratio_to_umqtt_simple": Figure(""),
    "cpu_us_per_message": Figure("us"),
    "heap_bytes_per_message_32bit": Figure("bytes", most=100),
    "ip_bytes_per_reading_tls": Figure("bytes"),
    "connect_round_trips_tls12": Figure("round trips", most=4.5),
    "recovery_s_broker_restart": Figure("s"),
    "recovery_s_black_hole": Figure("s"),
    "recovery_s_forgotten_flow": Figure("s"),
    "erases_per_record_backlog": Figure("erases"),
    "flash_years_default": Figure("years", least=20),
    "flash_writes_while_healthy": Figure("writes", most=0),
    "flash_bytes_per_record": Figure("bytes", most=16),
    "drain_readings_per_s": Figure("readings/s"),
    "drain_cpu_us_per_reading": Figure("us"),
    "late_ms_p99_during_outage": Figure("ms"),
    "late_ms_max_during_outage": Figure("ms", most=100),
    "awake_ms_sample": Figure("ms"),
    "awake_ms_connect": Figure("ms"),
    "sandbox_ingest_ratio": Figure(""),
    "ingest_msgs_per_s": Figure("messages/s"),
    "ingest_msgs_per_s_bare": Figure("messages/s"),
    "rules_us_per_evaluation": Figure("us"),
    "rules_us_per_evaluation_by_time": Figure("us"),
    "plug_to_reading_s_cold": Figure("s"),
    "plug_to_reading_s_config": Figure("s"),
    "serial_bytes": Figure("bytes"),
    "copy_s_mpremote": Figure("s"),
    "boards_per_min_8_ports": Figure("boards/min"),
}
_UNITS = {"heap_bytes_": "bytes", "import_ms_": "ms"}


def table(found):
    """Return the figures as lines: key, value, unit, target, whether it is met."""
    lines = []
    for key, value in found.items():
        figure = FIGURES.get(key) or Figure(_unit(key))
        lines.append(
            f"{key:42} {number(value):>10} {figure.unit:11} {figure.target():>9}"
            f"  {figure.verdict(value)}".rstrip()
        )
    return "\n".join(lines)


def _unit(key):
    for own, figure in FIGURES.items():
        if key.startswith(own):  # the same with a suffix
            return figure.unit
    return next((unit for prefix, unit in _UNITS.items() if key.startswith(prefix)), "")


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
