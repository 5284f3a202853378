"""Ledgers with a fault in them, which whoever tests a ledger has to find."""

from ways_device.sandbox.ledger import Ledger


class Forgiving(Ledger):
    """It overlooks the last gap of each boot."""

    def report(self, device_id):
        report = super().report(device_id)
        for row in report["boots"]:
            row["missing"] = row["missing"][:-1]
        return {**report, "adds_up": not any(row["missing"] for row in report["boots"])}


class Uncounting(Ledger):
    """It does not see that a message came before."""

    def deliver(self, device_id, boot, seq, part, taken_at):
        known = "SELECT 1 FROM deliveries WHERE device_id = ? AND (boot, seq, part) = (?, ?, ?)"
        return not self._db.one(known, device_id, boot, seq, part) and super().deliver(
            device_id, boot, seq, part, taken_at
        )


class Careless(Ledger):
    """It takes no notice of what was in flash."""

    def _read_events(self, device_id, boots):
        begin = super()._read_events(device_id, boots)
        for boot in boots.values():
            boot.highest = max([-1, *(last for _, last in boot.arrived)])
        return begin


WRONG = (Forgiving, Uncounting, Careless)
