"""The command as most tests run it: the agent is packed once in a run of the tests.

Packing takes seconds of computing, more than all else that a command does to set up a board, and
makes the same of the same files. What it made is kept in a folder of the run, by the hash of all
that it is made from, for every worker and every program that a test starts. The command itself
knows nothing of this, and packs for real in the tests of the demo, the wheel, the fresh clone and
the canary.
"""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from ways_device import bytecode, deploy, pack
from ways_device.filelock import exclusive
from ways_device.resources import device_source

# Names the folder, in the environment; without it everything is as it always is.
FOLDER = "WAYS_DEVICE_TESTS_KEEP"
_WAIT_S = 60


def install() -> None:
    """Have the commands of this process take what one of the run has made before."""
    deploy.build = _once(bytecode.build)
    deploy.imported_names = _once(bytecode.imported_names)


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Keep in a folder what is packed, and have it packed, where no run of tests has one."""
    if FOLDER in os.environ:
        yield
        return
    os.environ[FOLDER] = str(folder)
    try:
        _once(bytecode.build)(device_source())
        yield
    finally:
        del os.environ[FOLDER]


def _once(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    @wraps(make)
    def made(source: Path) -> Any:
        if FOLDER not in os.environ:
            return make(source)
        path = Path(os.environ[FOLDER]) / f"{make.__name__}-{_hash(source)}"
        with exclusive(path.with_suffix(".lock"), _WAIT_S):
            if not path.exists():
                new = path.with_suffix(".new")
                new.write_bytes(pickle.dumps(make(source)))
                new.replace(path)
        return pickle.loads(path.read_bytes())

    return made


def _hash(source: Path) -> str:
    """Return the hash of an agent's files and of what packs them."""
    found = hashlib.sha256()
    packing = Path(pack.__file__).parent
    names = [source / "boot.py", source / "main.py", *source.glob("firmware/**/*.py")]
    for path in [*sorted(names), *sorted(packing.glob("*.py")), Path(bytecode.__file__)]:
        found.update(f"{path}\0".encode())
        found.update(path.read_bytes() if path.is_file() else b"missing")
    return found.hexdigest()


if __name__ == "__main__":
    from ways_device.cli import main

    install()
    main()
