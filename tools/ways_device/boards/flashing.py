"""Another MicroPython onto a board, and the device stays who it is.

Only what a firmware consists of is written: neither NVS (identity, counters) nor the file system
(code, settings, readings not yet sent). NVS is read off first all the same, compared afterwards,
and put back if it should differ.
"""

from contextlib import suppress
from pathlib import Path

from ways_device import scratch
from ways_device.boards import partitions
from ways_device.boards.esptool import Chip, Esptool
from ways_device.boards.firmware import Firmware
from ways_device.boards.partitions import TABLE_AT, TABLE_BYTES, Table
from ways_device.errors import BoardError, ToolError, UsageError
from ways_device.talk import Talk

ERASE_COST = (
    "this deletes all that the board holds: the agent, its settings, readings not yet sent, and "
    "its identity. Its login cannot be read back from the platform"
)
# The table and, with most of them, the NVS right behind it.
_HEAD_BYTES = 0x8000
_Piece = tuple[int, bytes]


class Flashing:
    """One board in its boot loader."""

    def __init__(self, port: str, baud: int, firmware: Firmware, folder: Path, talk: Talk) -> None:
        self._scratch = folder
        self._port = port
        self._baud = baud
        self._firmware = firmware
        self._talk = talk
        self._is_begun = False

    def run(self, erase: bool, dry_run: bool) -> dict[str, object]:
        """Do it, or with dry_run only look; return what was done. Raises BoardError."""
        with scratch.folder(self._scratch) as folder:
            tool = Esptool(self._port, self._baud, folder)
            with self._talk.step("asking the chip") as step:
                chip = tool.detect()
                step.say(f"{chip.name}, {chip.flash_bytes >> 20} MB flash, {chip.mac}")
            try:
                self._change(tool, chip, erase, dry_run)
            except BaseException:
                # Out of its boot loader: where nothing was written yet, the agent goes on.
                if not self._is_begun:
                    with suppress(ToolError):
                        tool.restart()
                raise
            with self._talk.step("restarting the board"):
                tool.restart()
        return self._record(chip, erase, dry_run)

    def _change(self, tool: Esptool, chip: Chip, erase: bool, dry_run: bool) -> None:
        table, nvs = self._read(tool)
        self._refuse(chip, table, erase)
        if dry_run:
            return
        self._is_begun = True
        if erase:
            with self._talk.step("erasing the flash"):
                tool.erase()
            nvs = []
        self._write(tool, self._regions(whole=erase), nvs)

    def _read(self, tool: Esptool) -> tuple[Table | None, list[_Piece]]:
        """Return the board's partition table, if it has one, and what is in its NVS."""
        with self._talk.step("reading what the device knows") as step:
            head = tool.read(TABLE_AT, _HEAD_BYTES)
            try:
                table = partitions.parse(head[:TABLE_BYTES])
            except UsageError:
                table = None
            if table is None:
                step.say("nothing: no partition table")
                return None, []
            places = [one.place for one in table.partitions if one.is_nvs]
            held = [(offset, self._part(tool, head, offset, size)) for offset, size in places]
            step.say(f"{sum(len(data) for _, data in held) >> 10} kB of NVS")
            return table, held

    @staticmethod
    def _part(tool: Esptool, head: bytes, offset: int, size: int) -> bytes:
        """Return what lies there: most tables have it right behind them, where it was read."""
        start = offset - TABLE_AT
        is_read = start >= 0 and start + size <= len(head)
        return head[start : start + size] if is_read else tool.read(offset, size)

    def _refuse(self, chip: Chip, table: Table | None, erase: bool) -> None:
        """Raise UsageError if this image does not belong on this board, or would cost its data."""
        firmware = self._firmware
        if firmware.chip != chip.name:
            raise UsageError(
                f"{firmware.source} is for the {firmware.chip}, the board is an {chip.name}; "
                "take the image for this board"
            )
        largest = max(one.end for one in firmware.table.partitions)
        if max(largest, firmware.end) > chip.flash_bytes:
            raise UsageError(
                f"{firmware.source} needs {-(-largest >> 20)} MB of flash, the board has "
                f"{chip.flash_bytes >> 20} MB; take the image for this size"
            )
        if erase:
            return
        if firmware.carries_files:
            raise UsageError(
                f"{firmware.source} brings a device's files along, which would take the place of "
                "this board's; give --erase if that is meant"
            )
        if table is None:
            return
        old, new = table.kept(chip.flash_bytes), firmware.table.kept(chip.flash_bytes)
        moved = [name for name, place in old.items() if new.get(name) != place]
        if moved:
            raise UsageError(
                f"{firmware.source} lays out the flash in another way ({moved[0]} moves): what "
                "the board holds would be lost. Give --erase to do it all the same, and run "
                "provision afterwards"
            )

    def _regions(self, whole: bool) -> list[_Piece]:
        firmware = self._firmware
        if whole and firmware.carries_files:
            return [(firmware.boot_at, firmware.data)]
        return [(one.offset, one.data) for one in firmware.regions]

    def _write(self, tool: Esptool, regions: list[_Piece], nvs: list[_Piece]) -> None:
        """Write and read back. The application comes last: half an image never starts."""
        with self._talk.step("writing the firmware") as step:
            tool.write(regions, step.say)
            step.say(f"{sum(len(data) for _, data in regions) >> 10} kB")
        with self._talk.step("verifying the flash") as step:
            if tool.verify([*regions, *nvs]):
                return
            if nvs and tool.verify(regions):
                tool.write(nvs)
                step.say("what the device knows was put back")
            if not tool.verify([*regions, *nvs]):
                raise BoardError(
                    "the flash does not hold what was written; run the same command again"
                )

    def _record(self, chip: Chip, erase: bool, dry_run: bool) -> dict[str, object]:
        written = sum(len(one.data) for one in self._firmware.regions)
        return {
            "port": self._port,
            "chip": chip.name,
            "flash_mb": chip.flash_bytes >> 20,
            "mac": chip.mac,
            "image": self._firmware.source,
            "regions": [f"{one.name} at {one.offset:#x}" for one in self._firmware.regions],
            "kilobytes": written >> 10,
            "erased": erase and not dry_run,
            "verified": not dry_run,
        }
