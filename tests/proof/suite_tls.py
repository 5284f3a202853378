"""Which brokers the agent speaks to: everything that can be wrong with one, and what is right.

Each wrong peer meets the whole agent twice or more, on 64-bit and 32-bit, over TLS 1.2 and 1.3
where it speaks TLS: the agent must name the reason and must not have sent one byte of a login.
Each right one must be logged in to. Then one context is used for many connections: the live heap
and the process may grow while it settles, and not after.

The planted faults are an agent whose context does not verify, which every wrong certificate must
show, and 16 bytes that are lost with each connection.
"""

import contextlib
import itertools
import os
import random
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(TESTS / "system")]

import agent_process  # noqa: E402
from certificates import Authority  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: E402
from faultnet import NameServer  # noqa: E402
from tls_recorder import CONNACK, Recorder  # noqa: E402

NAME = "tls"
SECONDS = 120
LIMIT_S = 400
LOGIN = ("d1", "d1", "the-password")
HOST = "broker.test"
PINGRESP = b"\xd0\x00"
V10, V11 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
RECONNECTS = 300  # a third of them to settle
LEAST = 30
# A page or two come and go with the C library's own heap; a leak of 100 bytes each would be more.
MOST_GROWTH_KB = 16
WRONG_TIMES = 2
LET_IN = "it logged in"
PROGRAMS = {"64": "MICROPYTHON", "32": "MICROPYTHON32"}

CARELESS = """
import sys
here = __file__.rpartition("/")[0]
sys.path[:0] = [here, here + "/lib"]
import tls
from firmware import transport

def context(ca):
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    made.verify_mode = tls.CERT_NONE
    return made

transport.context = context
"""


@dataclass(frozen=True)
class Case:
    """One peer. why is what the log must say, a regular expression; "" is: it is logged in to."""

    name: str
    why: str
    signer: str = "root"
    certificate: dict = field(default_factory=dict)
    versions: tuple = (V12, V13)
    greeting: bytes | None = None  # it speaks no TLS, and says this
    host: str = "127.0.0.1"
    ca: str = "root"


CERTIFICATES = [
    Case("wrong name", "tls:name", certificate={"name": "broker.example"}),
    Case("wrong address", "tls:name", certificate={"name": "127.0.0.2"}),
    Case("name of a part", "tls:name", certificate={"name": "test"}, host=HOST),
    Case("name of another level", "tls:name", certificate={"name": "*.broker.test"}, host=HOST),
    Case("another authority", "tls:ca", signer="other"),
    Case("another authority of the same name", "tls:ca", signer="namesake"),
    Case("self-signed", "tls:ca", certificate={"is_self_signed": True}, signer="other"),
    Case("issuer that is no authority", "tls:ca", signer="leaf"),
    Case(
        "good for clients only", "tls:", certificate={"purpose": ExtendedKeyUsageOID.CLIENT_AUTH}
    ),
    Case("expired", "tls:expired", certificate={"days": -2}),
    Case("not yet valid", "tls:clock", certificate={"days": 9, "since_days": 1}),
]
OTHERS = [
    Case("TLS 1.0 only", "tls:proto", versions=(V10,)),
    Case("TLS 1.1 only", "tls:proto", versions=(V11,)),
    Case(
        "portal", "tls:proto", greeting=b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n"
    ),
    Case("MQTT without TLS", "tls:proto", greeting=CONNACK + PINGRESP),
    Case("no authority known", "", ca="none"),
    Case("unusable authority", "", ca="junk"),
]
RIGHT = [
    Case("its address", ""),
    Case("its name", "", certificate={"name": HOST}, host=HOST),
    Case("a wildcard", "", certificate={"name": "*.test"}, host=HOST),
    Case("an authority between", "", signer="between"),
    Case("good for servers", "", certificate={"purpose": ExtendedKeyUsageOID.SERVER_AUTH}),
]


class Bench:
    """What the cases are made of."""

    def __init__(self, scratch):
        self.scratch = scratch
        root = Authority("Test CA")
        self.authorities = {
            "root": root,
            "other": Authority("Other CA"),
            "namesake": Authority("Test CA"),
            "between": Authority("Between CA", signer=root),
            "leaf": Authority("A server", signer=root, is_ca=False),
        }
        self.trusted = {"root": root.der, "none": b"", "junk": b"-- no certificate --"}
        self._number = itertools.count()

    def folder(self):
        folder = self.scratch / f"tls-{next(self._number)}"
        folder.mkdir()
        return folder

    def recorder(self, case, version):
        if case.greeting is not None:
            return Recorder(greeting=case.greeting)
        certificate = {"name": case.host, **case.certificate}
        files = self.authorities[case.signer].server(self.folder(), **certificate)
        return Recorder(*files, only=version)

    @contextlib.contextmanager
    def meeting(self, case, version, bits):
        """Yield the recorder and an agent that has begun to speak to it."""
        with (
            contextlib.closing(self.recorder(case, version)) as recorder,
            NameServer() as names,
        ):
            config = {
                "mqtt_host": case.host,
                "mqtt_port": recorder.port,
                "dns_servers": [names.address],
                "retry_min_ms": 100,
            }
            ca = self.trusted[case.ca]
            with agent_process.running(self.folder(), LOGIN, ca, config, bits=bits) as agent:
                yield recorder, agent

    def rejects(self, case, version, bits):
        """Return what was wrong with how the agent took a wrong peer, or ""."""
        with self.meeting(case, version, bits) as (recorder, agent):
            for _ in range(WRONG_TIMES):
                line = agent.wait_line(r"mqtt session_(failed why=(.*)|up)")
                if line[1] == "up":
                    return LET_IN
                if not line[2].startswith(case.why):
                    return f"it said {line[0]}"
            if sum(map(bool, recorder.raw)) < WRONG_TIMES:  # the next may have just begun
                return "it did not even say hello"
            return spoken(recorder, version)

    def refuses_to_start(self, case, bits):
        """As rejects(), of an agent that knows nobody it could trust."""
        with self.meeting(case, V12, bits) as (recorder, agent):
            with contextlib.suppress(AssertionError):
                line = agent.wait_line(r"mqtt session_(failed|up)|_unusable|Error")
                if "session_up" in line[0]:
                    return LET_IN
            return spoken(recorder, V12)

    def accepts(self, case, version, bits):
        with self.meeting(case, version, bits) as (recorder, agent):
            line = agent.wait_line(r"mqtt session_(failed why=.*|up)")
            if line[1] != "up":
                return f"it said {line[0]}"
            if LOGIN[2].encode() not in recorder.plain[0]:
                return "the recorder did not see the login"
            return "" if LOGIN[2].encode() not in recorder.raw[0] else "the login was readable"

    def judge(self, case, version, bits):
        """Return what was wrong with how the agent took this peer, or ""."""
        try:
            if case.ca != "root":
                return self.refuses_to_start(case, bits)
            return (self.rejects if case.why else self.accepts)(case, version, bits)
        except AssertionError as exc:  # it went silent, or ended
            return str(exc)


def spoken(recorder, version):
    """Return what the agent said that it should not have, or ""."""
    if any(recorder.plain):
        return "it sent application bytes"
    # A record's kind shows what it is up to TLS 1.2.
    if version != V13 and recorder.application_records():
        return "it sent a record of application data"
    if any(LOGIN[2].encode() in raw for raw in recorder.raw):
        return "it sent the login in clear"
    return ""


def run(seed: int, scale: float, scratch: Path) -> dict:
    """Try the matrix, or a part of it that the seed chooses. See tests/proof/README.md."""
    rng = random.Random(seed)
    bench = Bench(scratch)
    words = [word for word, name in PROGRAMS.items() if name in os.environ]
    matrix = [
        (case, version, bits)
        for case in CERTIFICATES + OTHERS + RIGHT
        for version in (case.versions if case.greeting is None else (V12,))
        for bits in words
    ]
    rng.shuffle(matrix)
    matrix = matrix[: max(6, round(scale * len(matrix)))]
    notes = []
    for case, version, bits in matrix:
        wrong = bench.judge(case, version, bits)
        if wrong:
            notes.append(f"{case.name}, {version.name}, {bits}-bit: {wrong}")
    print(f"tls: {len(matrix)} meetings, {len(notes)} of them wrong", flush=True)
    tried, failed = len(matrix), len(notes)
    count = max(LEAST, round(RECONNECTS * scale))
    for bits, version in itertools.product(words, (V12, V13)):
        growth = grown(bench, version, bits, count)
        tried += count
        failed += bool(growth)
        notes += growth
    planted = CERTIFICATES if scale >= 1 else rng.sample(CERTIFICATES, 1)
    caught = all(is_caught(bench, case, rng.choice(words)) for case in planted)
    caught = caught and bool(grown(bench, V12, rng.choice(words), LEAST, leak=16))
    return {"tried": tried, "failed": failed, "planted_caught": caught, "notes": notes}


def is_caught(bench, case, bits):
    """Tell whether an agent that verifies nothing is found out by this case."""
    tree = bench.folder()
    for name in ("firmware", "lib"):
        (tree / name).symlink_to(ROOT / name)
    (tree / "main.py").write_text(CARELESS + (ROOT / "main.py").read_text())
    real = agent_process.ROOT
    agent_process.ROOT = tree
    try:
        return bench.judge(case, V12, bits) == LET_IN
    finally:
        agent_process.ROOT = real


def grown(bench, version, bits, count, leak=0):
    """Connect so often on one context; return what grew after it had settled, in words."""
    heaps, sizes = [], []
    label = f"{bits}-bit, {version.name}"
    folder = bench.folder()
    (folder / "ca.der").write_bytes(bench.trusted["root"])
    files = bench.authorities["root"].server(folder, "127.0.0.1")
    with contextlib.closing(Recorder(*files, only=version)) as recorder:
        words = ["127.0.0.1", str(recorder.port), str(folder / "ca.der"), str(count), str(leak)]
        command = [os.environ[PROGRAMS[bits]], str(TESTS / "proof" / "device" / "nettls.py")]
        with subprocess.Popen(
            [*command, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                heaps.append(int(line))
                sizes.append(resident_kb(process.pid))
                process.stdin.write("\n")
                process.stdin.flush()
        if len(heaps) != count or process.returncode:
            return [f"{label}: it ended after {len(heaps)} of {count} connections"]
    settled = count // 3
    middle = (settled + count) // 2
    notes = []
    # The least of each half: a task that is still to be collected comes and goes.
    for what, most, row in (("heap, bytes", 0, heaps), ("process, KB", MOST_GROWTH_KB, sizes)):
        before, after = min(row[settled:middle]), min(row[middle:])
        if after > before + most:
            notes.append(f"{label}: {what}: {before} grew to {after}")
        if not leak:
            print(f"tls: {label}: {what}: {before}, {after} after {count}", flush=True)
    return notes


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")
