"""`probe` on real sandboxes: it finds how each speaks, and leaves the account as it was."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest
from sandbox_rig import eventually, running

from ways_device.sandbox.dialect import PRESETS, of

PROBE = (sys.executable, "-m", "ways_device.cli", "probe")
MIXED = {"credentials": "nested", "errors": "detail", "broker": "older"}
LISTS = ("devices", "datapoints", "rules", "groups", "profiles")
CANARY = "canary-of-the-owner"
DEADLINE_S = 100


def start(sandbox, folder, *arguments):
    return subprocess.Popen(
        [*PROBE, "--sandbox", sandbox.info_file, "--out", folder / "probe.json", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WAYS_DEVICE_HOME": str(folder / "home")},
    )


def finish(process):
    try:
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    return process.returncode, out, err


def probed(sandbox, folder):
    """Probe a sandbox; return the report."""
    folder.mkdir(exist_ok=True)
    status, out, err = finish(start(sandbox, folder, "--json"))
    assert status == 0, err
    report = json.loads(out)
    assert report == json.loads((folder / "probe.json").read_text())
    return report


def account(sandbox):
    """Return all that is on the account, apart from what changes by itself."""
    found = {name: sandbox.get(f"/{name}")[name] for name in LISTS}
    found["channels"] = sandbox.get("/notifications/channels")["channels"]
    found["policies"] = sandbox.get("/notifications/policies")["policies"]
    return found


def furnish(sandbox):
    """Give the account an owner's things, which the probe has to leave alone."""
    sandbox.post("/devices", {"name": CANARY, "device_id": f"{CANARY}-device"})
    sandbox.post("/datapoints", {"key": "canary_of_the_owner"})
    rule = {"name": CANARY, "rule_type": "offline", "config": {}, "is_enabled": False}
    sandbox.post("/rules", rule)
    sandbox.post("/groups", {"name": CANARY})
    sandbox.post("/profiles", {"name": CANARY})
    config = {"url": "https://192.0.2.1/canary-of-the-owner"}
    channel = {"name": CANARY, "channel_type": "webhook", "config": config}
    sandbox.post("/notifications/channels", channel)
    return account(sandbox)


def begun(folder):
    """Return the names of the things that a probe has on its list."""
    for path in (folder / "home" / "probe").glob("*.json"):
        try:
            return [thing["name"] for thing in json.loads(path.read_text())["made"]]
        except FileNotFoundError:
            return []
    return []


def answers(report):
    """Return what was found without what no two sandboxes share."""
    found = {one["key"]: one["answer"] for one in report["findings"]}
    del found["chain"]["certificates"], found["presence"]["offline_after_s"]
    return found


@pytest.mark.parametrize("name", [*PRESETS, "mixed"])
def test_report_names_the_dialect_and_its_file_makes_a_sandbox_that_speaks_so(name, tmp_path):
    spoken, chosen = PRESETS.get(name), name
    if spoken is None:
        chosen = str(tmp_path / "mixed.json")
        (tmp_path / "mixed.json").write_text(json.dumps(MIXED))
        spoken = of(chosen)
    with running(tmp_path, "--dialect", chosen) as sandbox:
        before = furnish(sandbox)
        first = probed(sandbox, tmp_path / "first")
        assert account(sandbox) == before
    assert first["dialect"] == asdict(spoken)
    assert first["dialect_gaps"] == []
    unanswered = [one["said"] for one in first["findings"] if one["answer"] is None]
    assert unanswered == []
    texts = [path.read_text() for path in (tmp_path / "first").iterdir() if path.is_file()]
    assert len(texts) == 3
    assert not [text for text in texts if CANARY in text or "canary_of_the_owner" in text]

    again = tmp_path / "again"
    again.mkdir()
    dialect = str(tmp_path / "first" / "probe.dialect.json")
    with running(again, "--dialect", dialect) as sandbox:
        sandbox.post("/devices", {"name": "another"})
        second = probed(sandbox, again)
    assert answers(second) == answers(first)


def test_killed_anywhere_and_run_again_it_leaves_nothing(tmp_path):
    with running(tmp_path) as sandbox:
        before = furnish(sandbox)
        for count in (1, 3, 7, 11):
            process = start(sandbox, tmp_path)
            # Its list only grows while it asks: what an older run left was shorter.
            eventually(lambda count=count: len(begun(tmp_path)) >= count, within_s=60)
            process.send_signal(signal.SIGKILL)
            finish(process)
        assert account(sandbox) != before
        assert set(begun(tmp_path)) >= {
            one["device_id"] for one in account(sandbox)["devices"] if CANARY not in one["name"]
        }
        process = start(sandbox, tmp_path)
        status, _, err = finish(process)
        assert status == 0, err
        assert "deleting what an earlier probe left: " in err
        assert account(sandbox) == before
        assert begun(tmp_path) == []


def test_ctrl_c_deletes_everything_before_it_ends(tmp_path):
    with running(tmp_path) as sandbox:
        before = furnish(sandbox)
        process = start(sandbox, tmp_path)
        eventually(lambda: len(begun(tmp_path)) >= 5, within_s=60)
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        assert status == 130, err
        assert out == ""
        assert account(sandbox) == before
        assert begun(tmp_path) == []
        assert not (tmp_path / "probe.json").exists()
