"""Images of devices: the files that a board would be given, and no other device's secret."""

import json
import os
import subprocess

import pytest
from certificates import Authority
from esp32image import FACTORY, NVS, OPEN_END, STOCK, VFS, firmware
from fakeplatform import KEY, FakePlatform, flat
from provisioning import ORIGIN, Killed, KilledJournal, Killer
from rich.console import Console

from ways_device import identity, wifi
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.boards import firmware as firmwares
from ways_device.boards import image, littlefs
from ways_device.boards.imaging import Maker
from ways_device.bytecode import DeviceFile
from ways_device.deploy import compile_code
from ways_device.errors import ConflictError, FlashFullError, ToolError, UsageError
from ways_device.journal import Journal
from ways_device.provision.request import Request
from ways_device.resources import device_source
from ways_device.talk import Talk

SIZE = 512 * 1024
CA = Authority()
WIFI = [wifi.Network("lab", "wifi-canary-password", 1)]
READ_ALL = """
import sys, os, vfs, json, binascii
class Disk:
    def __init__(self, path):
        self.file = open(path, "r+b")
        self.blocks = self.file.seek(0, 2) // 4096
    def readblocks(self, block, buf, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.readinto(buf)
    def writeblocks(self, block, buf, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.write(buf)
    def ioctl(self, what, value):
        if what == 4: return self.blocks
        if what == 5: return 4096
        if what == 6:
            self.file.seek(value * 4096)
            self.file.write(bytes([255]) * 4096)
        return 0
fs = vfs.VfsLfs2(Disk(sys.argv[1]), progsize=32, readsize=32, lookahead=32)
def walk(folder):
    for name, kind, *_ in fs.ilistdir(folder):
        path = folder.rstrip("/") + "/" + name
        if kind == 0x4000:
            yield from walk(path)
        else:
            yield path
found = {}
for path in walk("/"):
    with fs.open(path, "rb") as file:
        found[path] = binascii.hexlify(file.read()).decode()
with fs.open("/written-by-the-board", "w") as file:
    file.write("works")
with fs.open("/written-by-the-board", "r") as file:
    assert file.read() == "works"
print(json.dumps(found))
"""


def on_micropython(data, tmp_path):
    """Return what MicroPython's own littlefs finds in an image, and let it write there."""
    path, program = tmp_path / "disk.bin", tmp_path / "read.py"
    path.write_bytes(data)
    program.write_text(READ_ALL)
    done = subprocess.run(
        [os.environ["MICROPYTHON"], str(program), str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path: bytes.fromhex(text) for path, text in json.loads(done.stdout).items()}


# The file system.


def files_of_all_sizes():
    sizes = (0, 1, 50, 127, 128, 129, 500, 511, 512, 513, 4095, 4096, 4097, 20_000, 100_000)
    return [
        DeviceFile(f"/a/deep/folder/{size}", bytes(range(256)) * (size // 256) + bytes(size % 256))
        for size in sizes
    ]


def test_micropython_reads_every_file_whole_and_can_write(tmp_path):
    files = files_of_all_sizes()
    found = on_micropython(littlefs.made(files, SIZE), tmp_path)
    assert found == {file.path: file.data for file in files}


def test_files_that_do_not_fit_are_told():
    with pytest.raises(FlashFullError, match="do not fit into 512 kB"):
        littlefs.made([DeviceFile("/big", bytes(SIZE))], SIZE)


def test_image_that_does_not_hold_what_was_put_in_is_not_given_out(monkeypatch):
    monkeypatch.setattr(littlefs, "read", lambda image: {})
    with pytest.raises(ToolError, match="does not hold what was put into it"):
        littlefs.made([DeviceFile("/one", b"1")], SIZE)


@pytest.mark.parametrize("data", [b"", b"\xff" * 8192, b"\0" * 8192])
def test_what_is_no_file_system_is_told(data):
    with pytest.raises(ToolError, match="not the image of a board's file system"):
        littlefs.read(data)


# Its place and size.


def parsed(**changes):
    return firmwares.parse(firmware(**changes), "fw.bin")


def test_place_and_size_are_those_of_the_firmwares_own_table():
    made = image.shape(parsed(), None, None, merged=False)
    assert (made.offset, made.size_bytes, made.written_at) == (VFS[3], VFS[4], VFS[3])
    assert image.shape(parsed(), None, None, merged=True).written_at == 0x1000
    assert image.shape(parsed(chip_id=9), None, None, merged=True).written_at == 0


def test_firmware_that_leaves_the_rest_to_the_files_needs_the_flash_size():
    with pytest.raises(UsageError, match="--flash-mb"):
        image.shape(parsed(entries=OPEN_END), None, None, merged=False)
    made = image.shape(parsed(entries=OPEN_END), None, 8, merged=False)
    assert (made.offset, made.size_bytes) == (0x220000, 0x5E0000)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, None, None, False), "give --firmware FILE"),
        ((None, 512, None, True), "give --firmware FILE as well"),
        ((None, 511, None, False), "a multiple of 4"),
        ((parsed(), 512, None, False), "the firmware has its size"),
        ((parsed(entries=(NVS, FACTORY, ("ffat", *VFS[1:]))), None, None, False), "in FAT"),
    ],
)
def test_options_that_make_no_shape_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        image.shape(*options)


def test_merged_image_is_firmware_erased_nvs_and_files():
    of = image.shape(parsed(), None, None, merged=True)
    files = files_of_all_sizes()
    data = image.made(files, of)
    assert data.startswith(firmware())
    # An identity that is left in NVS would win over the new one.
    assert data[NVS[3] - 0x1000 : NVS[3] + NVS[4] - 0x1000] == b"\xff" * NVS[4]
    assert set(data[len(firmware()) : VFS[3] - 0x1000]) == {0xFF}
    disk = data[VFS[3] - 0x1000 :]
    assert len(disk) < VFS[4] and len(disk) % 4096 == 0
    assert littlefs.read(disk.ljust(VFS[4], b"\xff")) == {f.path: f.data for f in files}
    assert firmwares.parse(data, "merged.bin").carries_files
    assert not firmwares.parse(firmware(), "plain.bin").carries_files
    assert STOCK[3] == VFS


# The device.


class Rig:
    def __init__(self, tmp_path):
        self.platform = FakePlatform(flat)
        self.folder = tmp_path
        self.said = []
        self.ca_file = tmp_path / "ca.pem"
        self.ca_file.write_bytes(CA.pem)

    def make(self, device_id="d-1", name="image.bin", killer=None, of=None, **changes):
        killer = killer or Killer()
        client = Client(ORIGIN, KEY, self.platform.transport(killer), lambda seconds: None)
        journal = KilledJournal(self.folder / "journal", killer)
        request = Request("My device", device_id, ca_file=self.ca_file, interval_s=5, **changes)
        maker = Maker(Platform(client), journal, device_source(), Talk(Console(file=self)))
        output = self.folder / name
        of = of or image.shape(None, 512, None, merged=False)
        return maker.make(request, WIFI, of, output), output

    def write(self, text):
        self.said.append(text)

    def flush(self):
        pass

    def entry(self, device_id="d-1"):
        return Journal(self.folder / "journal").load(ORIGIN, device_id)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    return Rig(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def compiled_once():
    """Compiling takes seconds, and gives the same every time."""
    from ways_device.provision import plan

    code = compile_code(device_source())
    patch = pytest.MonkeyPatch()
    patch.setattr(plan, "compile_code", lambda source, drivers: code)
    yield code
    patch.undo()


def test_image_holds_what_provisioning_puts_on_a_board(rig, tmp_path, compiled_once):
    record, output = rig.make(settings={"window": 4})
    found = on_micropython(output.read_bytes(), tmp_path)
    assert {path: found.pop(path) for path in [f.path for f in compiled_once.files]} == {
        file.path: file.data for file in compiled_once.files
    }
    config = json.loads(found.pop("/config.json"))
    assert config["window"] == 4 and config["interval_s"] == 5 and config["rev"] == 1
    held = found.pop("/identity.0")
    assert found == {}
    body = json.loads(held[10:-4])
    assert identity.pack(held[10:-4], 1) == held
    assert body["device_id"] == "d-1" and body["password"] == rig.platform.passwords["d-1"]
    assert body["wifi"] == [WIFI[0].as_json()]
    assert record["device_id"] == "d-1" and record["kilobytes"] == 512
    assert output.stat().st_mode & 0o777 == 0o600
    assert rig.entry().state == "verified"
    assert body["password"] not in "".join(rig.said) and WIFI[0].password not in "".join(rig.said)


def test_the_same_command_makes_the_same_image_and_no_second_device(rig):
    _, output = rig.make()
    first = output.read_bytes()
    _, output = rig.make()
    assert output.read_bytes() == first
    assert list(rig.platform.devices) == ["d-1"]


def test_two_devices_share_no_secret(rig):
    _, one = rig.make("d-1", "one.bin")
    _, two = rig.make("d-2", "two.bin")
    held = [littlefs.read(path.read_bytes())["/identity.0"] for path in (one, two)]
    logins = [json.loads(body[10:-4]) for body in held]
    for mine, other in ((0, 1), (1, 0)):
        for key in ("device_id", "username", "password", "client_id"):
            secret = logins[mine][key].encode()
            assert secret in (one, two)[mine].read_bytes()
            assert secret not in (one, two)[other].read_bytes(), key
        # Nor what the journal or the API know of it.
        assert KEY.encode() not in (one, two)[mine].read_bytes()


def test_kill_at_any_moment_leaves_one_device_and_the_next_run_ends_it(rig):
    counted = Killer()
    rig.make("d-0", killer=counted)
    for at in range(1, counted.contacts + 1):
        device_id = f"d-{at}"
        name = f"{device_id}.bin"
        try:
            rig.make(device_id, name, killer=Killer(at))
        except Killed:
            _, output = rig.make(device_id, name)
        else:
            output = rig.folder / name
        body = json.loads(littlefs.read(output.read_bytes())["/identity.0"][10:-4])
        assert body["password"] == rig.platform.passwords[device_id], at
    assert len(rig.platform.devices) == counted.contacts + 1


def test_nothing_is_registered_for_an_image_that_cannot_be(rig):
    with pytest.raises(FlashFullError):
        rig.make(of=image.shape(None, 64, None, merged=False))
    with pytest.raises(UsageError, match="cannot be written there"):
        rig.make(name="no/such/folder.bin")
    with pytest.raises(UsageError, match="the device would refuse it: window: 99"):
        rig.make(settings={"window": 99})
    with pytest.raises(UsageError, match="--set colour: the device has no such setting"):
        rig.make(settings={"colour": 1})
    assert rig.platform.devices == {}


def test_device_of_others_is_left_alone(rig):
    rig.platform.devices["d-1"] = {"device_id": "d-1", "name": "theirs"}
    with pytest.raises(ConflictError, match="this computer did not register it"):
        rig.make()
    assert not (rig.folder / "image.bin").exists()
