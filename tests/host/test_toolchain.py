"""Where programs come from, and what is said when they cannot be had."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from ways_device import debian, fetch, toolchain
from ways_device.errors import ToolError

needs_dpkg = pytest.mark.skipif(
    not shutil.which("dpkg-deb"),
    reason="what is fetched is unpacked by dpkg-deb, which this machine, being no Debian, lacks",
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without the tests' own settings, whose PATH is one folder of ours."""
    for name in ("MICROPYTHON", "MICROPYTHON32", "MOSQUITTO", "DEBIAN_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(toolchain, "_BROKER_FOLDERS", str(programs))
    monkeypatch.setattr(toolchain, "root", lambda: tmp_path / "tools")
    monkeypatch.setattr(debian, "_KEYRINGS", (tmp_path / "keys",))
    (tmp_path / "keys").touch()
    return programs


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + textwrap.dedent(text))
    path.chmod(0o755)
    return path


def micropython_saying(path, version, maxsize=2**63 - 1):
    return script(path, f"echo micropython {version} {maxsize}\n")


def fails_with(pattern, function, *arguments):
    """Check that function raises a ToolError of one line that fits pattern."""
    with pytest.raises(ToolError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(pattern, message), message


# MicroPython and mosquitto of the user's own


def test_a_named_micropython_is_taken(machine, tmp_path, monkeypatch):
    named = micropython_saying(tmp_path / "mine", "1 27")
    micropython_saying(machine / "micropython", "1 28")
    monkeypatch.setenv("MICROPYTHON", str(named))
    assert toolchain.micropython() == named


@pytest.mark.parametrize(
    ("version", "maxsize", "pattern"),
    [
        ("1 24", 2**63 - 1, r"MICROPYTHON=.*mine is MicroPython 1\.24, 64-bit; name one of 1\.25"),
        ("1 27", 2**31 - 1, r"is MicroPython 1\.27, 32-bit; name one of 1\.25 or newer, 64-bit"),
        ("x", 0, r"MICROPYTHON=.*mine: not a MicroPython that runs; correct or unset it"),
    ],
)
def test_a_named_micropython_that_does_not_fit_is_refused(
    machine, tmp_path, monkeypatch, version, maxsize, pattern
):
    named = micropython_saying(tmp_path / "mine", version, maxsize)
    monkeypatch.setenv("MICROPYTHON", str(named))
    fails_with(pattern, toolchain.micropython)


def test_a_named_micropython_that_is_absent_is_refused(machine, monkeypatch):
    monkeypatch.setenv("MICROPYTHON32", "/nowhere/micropython")
    fails_with("^MICROPYTHON32=/nowhere/micropython: not a MicroPython", toolchain.micropython, 32)


def test_a_new_enough_micropython_on_path_is_taken(machine):
    on_path = micropython_saying(machine / "micropython", "1 25")
    assert toolchain.micropython() == on_path


@pytest.mark.parametrize("answer", ["1 24 9223372036854775807", "1 27 2147483647", "hello"])
def test_an_unfit_micropython_on_path_is_passed_over(machine, monkeypatch, answer):
    script(machine / "micropython", f"echo micropython {answer}\n")
    monkeypatch.setattr(toolchain, "fetched", lambda root, recipe: root / "bin" / recipe.name)
    assert toolchain.micropython() == toolchain.root() / "bin" / "micropython"


def test_tests_take_no_program_from_path(machine, monkeypatch):
    micropython_saying(machine / "micropython", "1 27")
    monkeypatch.setattr(toolchain, "fetched", lambda root, recipe: root / "bin" / recipe.name)
    monkeypatch.setattr(debian, "architecture", lambda: "amd64")
    folder = toolchain.root() / "bin"
    assert toolchain.for_tests() == {
        "MICROPYTHON": str(folder / "micropython"),
        "MICROPYTHON32": str(folder / "micropython32"),
        "MOSQUITTO": str(folder / "mosquitto"),
    }


def test_a_machine_that_cannot_run_32_bit_does_without(machine, monkeypatch):
    monkeypatch.setattr(toolchain, "fetched", lambda root, recipe: root / "bin" / recipe.name)
    monkeypatch.setattr(debian, "architecture", lambda: "arm64")
    assert "MICROPYTHON32" not in toolchain.for_tests()
    fails_with("a machine of type arm64 cannot run MicroPython, 32-bit", toolchain.micropython, 32)


def test_a_broker_on_path_is_taken_with_its_plugin(machine, tmp_path):
    program = script(machine / "mosquitto", "")
    plugin = tmp_path / "lib" / "some-machine" / "mosquitto_dynamic_security.so"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    assert toolchain.mosquitto() == toolchain.Mosquitto(program, plugin)


def test_a_broker_without_the_plugin_is_passed_over(machine, monkeypatch):
    script(machine / "mosquitto", "")
    monkeypatch.setattr(toolchain, "fetched", lambda root, recipe: root / "bin" / recipe.name)
    assert toolchain.mosquitto().program == toolchain.root() / "bin" / "mosquitto"


def test_a_named_broker_without_the_plugin_is_refused(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("MOSQUITTO", str(script(tmp_path / "own" / "mosquitto", "")))
    fails_with("^MOSQUITTO=.*name one of version 2 or newer, or unset it", toolchain.mosquitto)


# Fetching


def test_without_apt_the_remedy_is_named(machine):
    fails_with(
        "^cannot fetch MicroPython, 64-bit: this machine has no apt-get to fetch it with.*"
        "install micropython 1.25 or newer and set MICROPYTHON to its path$",
        toolchain.micropython,
    )
    fails_with("install mosquitto 2 or newer and set MOSQUITTO to its path$", toolchain.mosquitto)


def fake_apt(folder, behaviour, uri="http://archive.test/debian/"):
    """An apt-get that lists uri as the machine's archive and otherwise does as behaviour says.

    behaviour is sh; it finds the suite in $suite and the folder for packages in $archives.
    """
    for name in ("sh", "sed", "cp", "cat", "touch", "echo", "dpkg-deb", "tar", "mkdir"):
        found = shutil.which(name, path=os.defpath)
        if found and not (folder / name).exists():
            (folder / name).symlink_to(found)
    script(folder / "dpkg", "echo amd64\n")
    script(
        folder / "apt-get",
        f"""\
        if [ "$1" = indextargets ]; then echo {uri}; exit; fi
        state=${{3%/*}}
        suite=$(sed 's/.* \\([a-z]*\\) main/\\1/' "$state/sources.list")
        archives=$state/archives
        echo "$suite $*" >> {folder}/calls
        """
        + textwrap.indent(textwrap.dedent(behaviour), " " * 8),
    )


@pytest.fixture
def package(tmp_path):
    """A real package that holds one file."""
    tree = tmp_path / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: us <us@us.test>\n"
        "Description: thing\n"
    )
    (tree / "usr").mkdir()
    (tree / "usr" / "thing").write_text("thing\n")
    path = tmp_path / "thing.deb"
    build = ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(path)]
    subprocess.run(build, check=True, capture_output=True, timeout=30)
    return path


@needs_dpkg
def test_a_suite_that_fails_is_followed_by_the_next(package, machine, tmp_path):
    fake_apt(
        machine,
        f"""\
        case "$suite $*" in
            trixie*update) echo 'E: index has unexpected size. Mirror sync in progress?' >&2
                exit 100 ;;
            *install*) cp {package} "$archives" ;;
        esac
        """,
    )
    target = tmp_path / "target"
    target.mkdir()
    debian.unpack(["thing"], "amd64", target)
    assert (target / "usr" / "thing").read_text() == "thing\n"
    calls = [line.split()[0] for line in (machine / "calls").read_text().splitlines()]
    assert calls == ["trixie", "forky", "forky"]


@needs_dpkg
def test_each_suite_is_tried_twice_and_the_reason_is_apts_own(machine):
    fake_apt(machine, "echo 'W: noise' >&2; echo 'E: no route to the archive' >&2; exit 100\n")
    fails_with(
        "^cannot fetch MicroPython, 64-bit: trixie: E: no route to the archive; "
        "forky: E: no route to the archive. Check the network and run the same command again, or",
        toolchain.micropython,
    )
    calls = [line.split()[0] for line in (machine / "calls").read_text().splitlines()]
    assert calls == ["trixie", "forky"] * 2


@needs_dpkg
def test_a_machine_without_a_debian_archive_says_so(machine):
    fake_apt(machine, "", uri="http://archive.test/ubuntu/")
    fails_with("apt has no Debian archive .DEBIAN_MIRROR can name one", toolchain.mosquitto)


@needs_dpkg
def test_a_corrupt_package_is_refused_and_leaves_nothing(package, machine):
    package.write_bytes(package.read_bytes()[:-60])
    fake_apt(machine, f'case "$*" in *install*) cp {package} "$archives" ;; esac\n')
    fails_with("trixie: dpkg-deb: .*forky: dpkg-deb: ", toolchain.mosquitto)
    assert [path.name for path in toolchain.root().iterdir()] == [".lock"]


@needs_dpkg
def test_packages_without_the_program_leave_nothing(package, machine):
    fake_apt(machine, f'case "$*" in *install*) cp {package} "$archives" ;; esac\n')
    fails_with("^the fetched packages hold no usr/lib", toolchain.mosquitto)
    assert [path.name for path in toolchain.root().iterdir()] == [".lock"]


def test_two_processes_fetch_once(machine, tmp_path, monkeypatch):
    """The second waits for the first and takes what it made."""
    begun, made = threading.Event(), []

    def make(root, recipe):
        made.append(recipe.name)
        begun.set()
        threading.Event().wait(0.3)
        for path in (root / "bin" / recipe.name, root / recipe.name / "layout"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(fetch.LAYOUT)

    monkeypatch.setattr(fetch, "_make", make)
    first = threading.Thread(target=toolchain.mosquitto)
    first.start()
    begun.wait(10)
    program = toolchain.mosquitto().program
    first.join(10)
    assert program.is_file()
    assert made == ["mosquitto"]


@needs_dpkg
def test_what_an_interrupted_fetch_left_is_cleared(package, machine):
    left = toolchain.root() / "fetch-left"
    left.mkdir(parents=True)
    fake_apt(machine, "echo 'E: no' >&2; exit 100\n")
    fails_with("E: no", toolchain.mosquitto)
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_named(machine, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(toolchain, "root", lambda: tmp_path / "file" / "tools")
    fails_with("^cannot write .*/file/tools: Not a directory; make it", toolchain.mosquitto)


# The fetched programs themselves


@pytest.fixture
def moved(tmp_path):
    """A copy of the fetched programs elsewhere, started by wrappers that are written anew."""
    fetched = toolchain.root()
    if Path(os.environ["MICROPYTHON"]).parent.parent != fetched:
        pytest.skip("this moves what make test fetches, and $MICROPYTHON names another one")
    folder = tmp_path / "elsewhere"
    shutil.copytree(fetched, folder, ignore=shutil.ignore_patterns("fetch-*", ".lock"))
    for program in (folder / "bin").iterdir():
        fetch._write_wrapper(folder, program.name, tmp_path)
    return folder


def said_by(program, question, **environment):
    return subprocess.check_output(
        [program, "-c", question], env={**os.environ, **environment}, text=True, timeout=30
    )


def test_a_moved_folder_still_works(moved):
    for program in (moved / "bin").glob("micropython*"):
        assert said_by(program, "print(6 * 7)") == "42\n"


def test_a_library_can_be_preloaded(moved):
    now = said_by(
        moved / "bin" / "micropython",
        "import time; print(int(time.time()))",
        PRELOAD=str(toolchain.libfaketime()),
        FAKETIME="2000-01-01 00:00:00",
        TZ="UTC",
    )
    assert 946684800 <= int(now) < 946684800 + 60


def test_make_toolchain_says_what_is_there():
    done = subprocess.run(
        [sys.executable, "-m", "ways_device.toolchain"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^toolchain: MicroPython 1\.\d+, 64-bit: /", done.stdout, re.MULTILINE)
    assert re.search(r"^toolchain: mosquitto: /", done.stdout, re.MULTILINE)
