"""`ways-device sandbox faults`: the plan of faults of a running sandbox."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.errors import ToolError, UsageError
from ways_device.sandbox.asking import INFO_FILE, AsJson, Info, ask


def faults(
    plan: Annotated[
        Path | None, typer.Option("--set", help="Put the plan in this file in force.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End all faults.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Show what happened so far.")] = False,
    sandbox: Info = INFO_FILE,
    as_json: AsJson = False,
) -> None:
    """Show, set or end the faults that a sandbox plays, or what they did so far."""
    if sum((plan is not None, clear, log)) > 1:
        raise UsageError("--set, --clear and --log: give one of them")
    if log:
        found = ask(sandbox, "GET", "faults", "log")
    elif clear:
        ask(sandbox, "DELETE", "faults")
        found = ask(sandbox, "GET", "faults")
    elif plan is not None:
        found = ask(sandbox, "PUT", "faults", body=_read(plan))
    else:
        found = ask(sandbox, "GET", "faults")
    if as_json:
        print(json.dumps(found))
        return
    _print(found)


def _read(path: Path) -> Any:
    """Return a plan that is right. Raises ToolError, which names what is wrong with it."""
    try:
        from ways_device.sandbox.fault_plan import load
    except ModuleNotFoundError as exc:
        raise ToolError(
            f"a fault plan needs {exc.name}: install it with pip install 'ways-device[sandbox]'"
        ) from exc
    return load(path).shown()


def _print(found: dict[str, Any]) -> None:
    print(f"seed {found['seed']}")
    counts = found.get("counts", [])
    for kind in ("http", "mqtt"):
        for number, entry in enumerate(found[kind]):
            fields = " ".join(f"{key}={json.dumps(value)}" for key, value in entry.items())
            count = counts[number] if kind == "http" and counts else None
            tail = f"  ({count['happened']} of {count['matched']} requests)" if count else ""
            print(f"{kind}  {fields}{tail}")
    if not found["http"] and not found["mqtt"]:
        print("no faults")
