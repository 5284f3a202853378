"""`flash` with real esptool, against the boot loader of a chip that does not exist."""

import subprocess
import threading

import pytest
from esp32image import NVS, OPEN_END, TWO_SLOTS, VFS, firmware
from fakerepl import port as silent_port
from fakerepl import silent
from fakerom import FLASH_BYTES, Rom, chip

from ways_device import cli
from ways_device.boards import esptool
from ways_device.errors import BoardError
from ways_device.patience import Patience

OLD, NEW = firmware(seed=1), firmware(seed=2)
IDENTITY = b"identity-canary!" * (NVS[4] // 16)
FILES = b"files and readings" * 1000


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def provisioned(image=OLD):
    """Return the flash of a board that is a device."""
    flash = bytearray((b"\xff" * 0x1000 + image).ljust(FLASH_BYTES, b"\xff"))
    flash[NVS[3] : NVS[3] + NVS[4]] = IDENTITY
    flash[VFS[3] : VFS[3] + len(FILES)] = FILES
    return bytes(flash)


def holds(rom, image, entries=None):
    """Tell whether the flash has boot loader, table and application of the image."""
    return all(
        rom.flash[at : at + size] == image[at - 0x1000 : at - 0x1000 + size]
        for at, size in ((0x1000, 20_000), (0x8000, 0x1000), (0x10000, 70_000))
    )


def is_kept(rom):
    return (
        rom.flash[NVS[3] : NVS[3] + NVS[4]] == IDENTITY
        and rom.flash[VFS[3] : VFS[3] + len(FILES)] == FILES
    )


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "new.bin"
    path.write_bytes(NEW)
    return path


def run(port, image, *more):
    return cli.run(["flash", str(image), "--port", port, "--json", *more])


def writes(rom):
    return [(at, size) for what, at, size in rom.done if what == "write"]


def test_firmware_is_replaced_and_the_device_stays_who_it_is(image, capsys):
    rom = Rom(provisioned())
    with chip(rom) as port:
        assert run(port, image) == 0
    assert holds(rom, NEW) and is_kept(rom)
    # Not even written again: the places of NVS and files were left alone.
    assert [at for at, _ in writes(rom)] == [0x1000, 0x8000, 0x10000]
    # Read off before the first write, compared after the last one.
    order = [(what, at) for what, at, _ in rom.done]
    assert order.index(("read", 0x8000)) < order.index(("write", 0x1000))
    assert order[-1] == ("digest", NVS[3])
    said = capsys.readouterr()
    assert '"verified": true' in said.out and '"chip": "esp32"' in said.out
    assert "identity-canary" not in said.out + said.err


def test_what_was_read_off_is_put_back_if_it_is_gone_afterwards(image, capsys):
    rom = Rom(provisioned())

    def wipe(op):
        if len(writes(rom)) == 1:  # a board that erases more than it was told to
            rom.flash[NVS[3] : NVS[3] + NVS[4]] = b"\xff" * NVS[4]
        return True

    rom.before = wipe
    with chip(rom) as port:
        assert run(port, image) == 0
    assert is_kept(rom)
    assert "was put back" in capsys.readouterr().err


def test_no_copy_of_the_identity_stays_on_this_computer(image, home):
    with chip(Rom(provisioned())) as port:
        assert run(port, image) == 0
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"identity-canary" in path.read_bytes()], kept


def test_flash_that_does_not_keep_what_is_written_is_never_called_done(image, capsys):
    rom = Rom(provisioned())
    rom.bad_at = 0x10000 + 5000
    with chip(rom) as port:
        assert run(port, image) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "ways-device: writing the firmware: " in said.err
    assert is_kept(rom)
    rom.bad_at = None
    with chip(rom) as port:
        assert run(port, image) == 0
    assert holds(rom, NEW) and is_kept(rom)


def test_flash_that_loses_a_bit_after_it_was_written_is_noticed(image, capsys):
    rom = Rom(provisioned())

    def decay(op):
        if len([1 for what, _, _ in rom.done if what == "digest"]) == 3:
            rom.flash[0x10000 + 5000] &= 0x55
        return True

    rom.before = decay
    with chip(rom) as port:
        assert run(port, image) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "verifying the flash: the flash does not hold what was written" in said.err


def test_board_that_vanishes_while_it_is_written_is_done_by_the_same_command(image, capsys):
    rom = Rom(provisioned())
    blocks = iter(range(100))
    rom.before = lambda op: op not in (0x03, 0x11) or next(blocks) < 2
    with chip(rom) as port:
        assert run(port, image) == 3
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\nways-device: ") == 1
    assert "went away" in said.err
    assert is_kept(rom)
    rom.before = lambda op: True
    with chip(rom) as port:
        assert run(port, image) == 0
    assert holds(rom, NEW) and is_kept(rom)


def test_ctrl_c_leaves_a_board_that_the_same_command_brings_up(image, capsys):
    rom = Rom(provisioned())
    interrupt = threading.Event()

    def before(op):
        if op in (0x03, 0x11) and not interrupt.is_set():
            interrupt.set()
            import _thread

            _thread.interrupt_main()
        return True

    rom.before = before
    with chip(rom) as port:
        assert run(port, image) == 130
        assert is_kept(rom)
        assert run(port, image) == 0
    assert holds(rom, NEW) and is_kept(rom)
    assert "the same command again goes on from here" in capsys.readouterr().err


# What does not belong on this board.


def refused(image, data, capsys, *more, flash=None):
    image.write_bytes(data)
    rom = Rom(provisioned() if flash is None else flash)
    before = bytes(rom.flash)
    with chip(rom) as port:
        assert run(port, image, *more) == 2
    assert rom.flash == before and not writes(rom)
    return capsys.readouterr().err


def test_image_for_another_chip_is_refused_before_anything_is_written(image, capsys):
    said = refused(image, firmware(chip_id=9), capsys)
    assert "is for the esp32s3, the board is an esp32; take the image for this board" in said


def test_image_for_more_flash_than_there_is_is_refused(image, capsys):
    large = (NVS, ("factory", 0, 0, 0x10000, 0x1F0000), ("vfs", 1, 0x81, 0x200000, 0x600000))
    assert "needs 8 MB of flash, the board has 4 MB" in refused(
        image, firmware(entries=large), capsys
    )


@pytest.mark.parametrize(
    ("entries", "what"), [(OPEN_END, "files moves"), (TWO_SLOTS, "files moves")]
)
def test_image_that_would_move_the_files_is_refused_unless_all_is_to_go(
    image, capsys, entries, what
):
    said = refused(image, firmware(entries=entries), capsys)
    assert what in said and "Give --erase to do it all the same" in said


def test_open_end_of_the_flash_counts_as_the_files_place(image, capsys):
    rom = Rom(provisioned(firmware(entries=OPEN_END)))
    image.write_bytes(firmware(entries=OPEN_END, seed=3))
    with chip(rom) as port:
        assert run(port, image) == 0
    assert is_kept(rom)


def test_image_of_another_device_is_refused_unless_all_is_to_go(image, capsys):
    merged = NEW.ljust(VFS[3] - 0x1000, b"\xff") + b"another device's files"
    assert "brings a device's files along" in refused(image, merged, capsys)
    rom = Rom(provisioned())
    with chip(rom) as port:
        assert run(port, image, "--erase", "--yes") == 0
    assert rom.flash[VFS[3] :].startswith(b"another device's files\xff")
    assert IDENTITY[:16] not in rom.flash


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a firmware image for an ESP32"),
        (b"\x7fELF" * 5000, "not a firmware image for an ESP32"),
        (NEW[0xF000:], "an application without boot loader and partition table"),
        (NEW[:0x8800], "cut short: its application is missing"),
        (NEW[:0x7008] + b"\0\1" + NEW[0x700A:], "its partition table is damaged"),
        (NEW[:12] + b"\x63\0" + NEW[14:], "for a chip that this tool does not know (id 99)"),
    ],
)
def test_file_that_is_no_image_is_told_without_touching_the_board(image, capsys, data, said):
    image.write_bytes(data)
    assert run("/dev/none-such", image) == 2
    assert said in capsys.readouterr().err


def test_blank_board_is_flashed_and_has_nothing_to_lose(image, capsys):
    rom = Rom()
    with chip(rom) as port:
        assert run(port, image) == 0
    assert holds(rom, NEW)


def test_of_two_slots_the_one_that_is_written_starts(image, capsys):
    rom = Rom(provisioned(firmware(entries=TWO_SLOTS)))
    rom.flash[0xF000:0x11000] = b"\1" * 0x2000  # the other slot was chosen
    rom.flash[VFS[3] : VFS[3] + len(FILES)] = b"\xff" * len(FILES)
    image.write_bytes(firmware(entries=TWO_SLOTS, seed=3))
    with chip(rom) as port:
        assert run(port, image) == 0
    assert rom.flash[0xF000:0x11000] == b"\xff" * 0x2000
    assert rom.flash[NVS[3] : NVS[3] + NVS[4]] == IDENTITY


# Erasing.


def test_erasing_needs_a_yes_and_says_what_it_costs(image, capsys):
    rom = Rom(provisioned())
    with chip(rom) as port:
        assert run(port, image, "--erase") == 2
        said = capsys.readouterr().err
        assert "readings not yet sent" in said and "identity" in said and "--yes" in said
        assert is_kept(rom) and not rom.done
        assert run(port, image, "--erase", "--yes") == 0
    assert holds(rom, NEW)
    assert IDENTITY[:16] not in rom.flash and FILES[:16] not in rom.flash


def test_dry_run_looks_and_writes_nothing(image, capsys):
    rom = Rom(provisioned())
    with chip(rom) as port:
        assert run(port, image, "--dry-run", "--erase") == 0
    assert {what for what, _, _ in rom.done} == {"read"}
    assert '"verified": false' in capsys.readouterr().out


# Ports.


def test_board_that_does_not_enter_its_boot_loader_is_told_how(image, capsys, monkeypatch):
    monkeypatch.setattr(esptool, "_ATTEMPTS", 1)
    with silent_port(silent) as port:
        assert run(port, image) == 3
    assert "hold its BOOT button, press RESET" in capsys.readouterr().err


def test_program_that_says_nothing_is_ended():
    with subprocess.Popen(["sleep", "60"], text=True) as child:
        patience = Patience(child, 0.2)
        assert child.wait(30) != 0
    assert patience.is_over


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("A fatal error occurred: The chip stopped responding.", "stopped answering"),
        ("A serial exception error occurred: Write timeout", "stopped answering"),
        ("A serial exception error occurred: device reports readiness", "went away"),
        ("A fatal error occurred: Wrong chip argument?", "another board was plugged in"),
        ("A fatal error occurred: x will not fit in 4 bytes", "larger than the board's flash"),
        ("A fatal error occurred: Secure Boot V1 detected", "locked by secure boot"),
        ("Traceback\nOSError: odd\x1b[31m", r"failed \(OSError: odd\)"),
        ("", r"failed \(nothing\)"),
    ],
)
def test_what_esptool_says_is_told_as_a_fact_and_a_remedy(said, means):
    with pytest.raises(BoardError, match=means):
        raise esptool.failure("/dev/p", said)


def test_port_that_is_not_there_is_told(image, capsys):
    assert run("/dev/none-such", image) == 3
    assert "/dev/none-such is taken or gone" in capsys.readouterr().err
