"""The README tells the truth about settings, log events and tests."""

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CONFIG = (ROOT / "firmware" / "config.py").read_text()
ROW = re.compile(r'^    \("(\w+)", (\w+), (-?\w+), (\w+), (.*)\),  # (\S+); (.*)$', re.M)
RANGES = {"str": "text", "list": "list", "bool": "true, false"}
WORDS = {"REQUIRED": "must be given", "None": "none"}


def setting_rows():
    for key, kind, low, high, default, unit, meaning in ROW.findall(CONFIG):
        text = WORDS.get(default) or f"`{json.dumps(ast.literal_eval(default))}`"
        span = RANGES.get(kind) or f"{int(low, 0)} - {int(high, 0)}"
        yield f"| `{key}` | {'' if unit == '-' else unit} | {span} | {text} | {meaning} |"


def test_the_table_of_settings_is_the_one_the_device_uses():
    rows = list(setting_rows())
    assert len(rows) == CONFIG.count("),  # ") > 10
    start = README.index(rows[0])
    assert README[start:].splitlines()[: len(rows)] == rows


def logged_events():
    """Return every module.event a call of a log in the agent can write."""
    names = {
        "agent": {"main", "start", "wiring", "fitting", "config", "agent", "lastgood", "lastrun"}
        | {"supervisor", "sleeper", "delivery"},
        "wifi": {"wifi", "joining"},
        "mqtt": {"mqtt", "login", "verdict", "inbound", "transport"},
        "publisher": {"publisher", "composer"},
        "sampler": {"sampler", "schedule", "failing"},
        "store": {"store", "stock", "keeping"},
        "downlink": {"downlink", "intake", "journal", "commands", "settings", "report"},
    }
    owner = {file: module for module, files in names.items() for file in files}
    for path in [ROOT / "main.py", *(ROOT / "firmware").glob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            is_log = re.fullmatch(r"((\w+)\._?)?log", ast.unparse(call.func.value))
            if is_log and call.func.attr in ("error", "warn", "info", "debug"):
                event = call.args[0]
                if isinstance(event, ast.Constant):
                    yield f"{owner.get(path.stem, path.stem)} {event.value}"


def test_every_event_is_listed_and_every_listed_event_exists():
    section = README.split("## What the agent logs")[1].split("\n## ")[0]
    listed = set(re.findall(r"`(\w+ \w+)`", section))
    computed = {"agent config_unusable", "agent identity_unusable"}
    assert set(logged_events()) | computed == listed


def test_every_test_that_a_promise_names_exists():
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", README))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
