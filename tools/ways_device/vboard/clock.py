"""The chip's clock: how far it is from the host's, in a file that libfaketime reads.

libfaketime is loaded into the interpreter, so that its TLS library sees the chip's clock too:
a certificate that is valid today is not yet valid on a board that thinks it is 2000. Without
the library only the chip's own module `time` is shifted.
"""

import os
import subprocess
import time
from pathlib import Path

_POWER_ON_UNIX_S = 946684800  # 2000-01-01, where the chip's clock begins
_PROBE = "import time; print(int(time.time()))"
_PROBE_TIMEOUT_S = 10
_PROBE_TOLERANCE_S = 60


class Clock:
    def __init__(self, file: Path, interpreter: Path, library: Path | None) -> None:
        """Begin at 2000. Finds out how the library can be loaded, if at all."""
        self._file = file
        self.reset()
        self.environment = self._find_environment(interpreter, library)

    @property
    def is_shifted(self) -> bool:
        """Whether the interpreter's own clock is the chip's."""
        return bool(self.environment)

    def reset(self) -> None:
        """Do as a power-on does: it is 2000-01-01 00:00:00."""
        self.set(_POWER_ON_UNIX_S)

    def set(self, unix_s: float) -> None:
        """Make it unix_s for the chip, running on from there."""
        new = self._file.with_name(self._file.name + ".new")
        new.write_text(f"{unix_s - time.time():+.6f}\n")
        new.replace(self._file)

    def _find_environment(self, interpreter: Path, library: Path | None) -> dict[str, str]:
        if library is None:
            return {}
        # A wrapper script hands PRELOAD to its loader; a plain program obeys LD_PRELOAD.
        for name in ("PRELOAD", "LD_PRELOAD"):
            environment = {
                name: str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            if _is_in_2000(interpreter, environment):
                return environment
        return {}


def _is_in_2000(interpreter: Path, environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            [interpreter, "-c", _PROBE],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=True,
        )
        return 0 <= int(done.stdout) - _POWER_ON_UNIX_S < _PROBE_TOLERANCE_S
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
