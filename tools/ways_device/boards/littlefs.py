"""A board's file system as an image: the one module that knows littlefs-python exists."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from ways_device.bytecode import DeviceFile
from ways_device.errors import FlashFullError, ToolError

BLOCK_BYTES = 4096
# What MicroPython mounts its flash with: the image is as if the board had made it.
_GEOMETRY: dict[str, Any] = {
    "read_size": 32,
    "prog_size": 32,
    "cache_size": 128,
    "lookahead_size": 32,
}


def made(files: Iterable[DeviceFile], size_bytes: int) -> bytes:
    """Return a file system of this size with these files in it, compared after it was written.

    Raises FlashFullError if they do not fit.
    """
    from littlefs import LittleFS, LittleFSError

    held = {file.path: file.data for file in files}
    disk = LittleFS(block_size=BLOCK_BYTES, block_count=size_bytes // BLOCK_BYTES, **_GEOMETRY)
    try:
        for path, data in sorted(held.items()):
            folder = str(PurePosixPath(path).parent)
            if folder != "/":
                disk.makedirs(folder, exist_ok=True)
            with disk.open(path, "wb") as file:
                file.write(data)
    except LittleFSError as exc:
        raise FlashFullError(
            f"the files do not fit into {size_bytes >> 10} kB; take a board with more flash"
        ) from exc
    disk.unmount()
    image = bytes(disk.context.buffer)
    if read(image) != held:
        raise ToolError("the image does not hold what was put into it; run the same command again")
    return image


def read(image: bytes) -> dict[str, bytes]:
    """Return the files of an image by their paths. Raises ToolError if it is none."""
    from littlefs import LittleFS, LittleFSError, UserContext

    context = UserContext(len(image))
    context.buffer[:] = image
    disk: Any = LittleFS(
        context=context,
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=len(image) // BLOCK_BYTES,
        **_GEOMETRY,
    )
    found = {}
    try:
        disk.mount()
        for folder, _, names in disk.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with disk.open(path, "rb") as file:
                    found[path] = file.read()
    except LittleFSError as exc:
        raise ToolError("not the image of a board's file system") from exc
    return found
