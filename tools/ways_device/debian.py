"""Debian packages unpacked into a folder: without root, and nothing of the system's is touched.

apt does the work over a state of its own, so signatures and checksums are verified as they are
for a system package. The archive is the one this machine's apt already uses, or $DEBIAN_MIRROR.
Only the standard library is used: the set-up needs this before any package is installed.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ways_device.errors import ToolError

# The stable release first. While a mirror is being updated its index and its signature disagree,
# usually in one suite only, so the next suite is tried before the first is tried again.
SUITES = ("trixie", "forky")
ATTEMPTS = SUITES * 2

_KEYRINGS = tuple(
    Path(f"/usr/share/keyrings/debian-archive-keyring.{suffix}") for suffix in ("gpg", "pgp")
)
_ARCHIVE_URI = re.compile(r"/debian(\.list)?/?$")
_UPDATE_TIMEOUT_S = 180
_DOWNLOAD_TIMEOUT_S = 600
_LOCAL_TIMEOUT_S = 60


class FetchError(ToolError):
    """The packages cannot be had. str() is the reason alone: the caller knows the remedy."""


def architecture() -> str:
    """Return Debian's name for this machine, "" where dpkg is not installed."""
    if not shutil.which("dpkg"):
        return ""
    return _run(["dpkg", "--print-architecture"], _LOCAL_TIMEOUT_S).stdout.strip()


def unpack(packages: Iterable[str], arch: str, target: Path) -> None:
    """Unpack packages and all they depend on below target, an existing empty folder.

    Raises FetchError if there is no apt, or no suite of the archive gives the packages.
    """
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise FetchError(f"this machine has no {program} to fetch it with")
    site, keyring = _site(), _keyring()
    reasons: dict[str, str] = {}
    for suite in ATTEMPTS:
        try:
            with tempfile.TemporaryDirectory(prefix="apt-", dir=target.parent) as state:
                source = f"deb [signed-by={keyring}] {site} {suite} main"
                _download(packages, arch, source, Path(state))
                _extract(Path(state) / "archives", target)
            return
        except FetchError as exc:
            reasons[suite] = str(exc)
    raise FetchError("; ".join(f"{suite}: {reason}" for suite, reason in reasons.items()))


def _site() -> str:
    if os.environ.get("DEBIAN_MIRROR"):
        return os.environ["DEBIAN_MIRROR"]
    listing = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"]
    for uri in _run(listing, _LOCAL_TIMEOUT_S).stdout.split():
        if _ARCHIVE_URI.search(uri) and "security" not in uri:
            return uri
    raise FetchError("this machine's apt has no Debian archive (DEBIAN_MIRROR can name one)")


def _keyring() -> Path:
    for path in _KEYRINGS:
        if path.is_file():
            return path
    raise FetchError(f"{_KEYRINGS[0]} is missing (package debian-archive-keyring)")


def _download(packages: Iterable[str], arch: str, source: str, state: Path) -> None:
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"{source}\n")
    (state / "apt.conf").write_text(_configuration(state, arch))
    apt = ["apt-get", "-qq", "-c", str(state / "apt.conf")]
    _run([*apt, "--error-on=any", "update"], _UPDATE_TIMEOUT_S)
    _run([*apt, "-y", "--download-only", "install", *packages], _DOWNLOAD_TIMEOUT_S)


def _configuration(state: Path, arch: str) -> str:
    # Hooks are cleared because some of them write into the system's own folders. apt must not
    # change to its own user, which could not read a folder of ours.
    return f"""\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Pre-Invoke;
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}";
Dir::Cache::archives "{state}/archives";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{arch}";
APT::Architectures "{arch}";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "true";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"""


def _extract(archives: Path, target: Path) -> None:
    found = sorted(archives.glob("*.deb"))
    if not found:
        raise FetchError("apt brought no package")
    for package in found:
        _run(["dpkg-deb", "-x", str(package), str(target)], _LOCAL_TIMEOUT_S)


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise FetchError(f"{command[0]} gave no answer within {timeout_s:.0f} s") from exc
    if done.returncode:
        raise FetchError(_reason(command[0], done.stderr))
    return done


def _reason(program: str, stderr: str) -> str:
    """Return the one line of a program's complaint that tells most."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "dpkg-deb:"))]
    return (errors or lines or [f"{program} failed without a word"])[0]
