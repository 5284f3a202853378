"""`command`: one command to a device through a sandbox, and what becomes of it."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.commands import options
from ways_device.errors import ToolError, UsageError
from ways_device.secrets import one_line, redact
from ways_device.talk import Talk

app = typer.Typer()

_ADD_WIFI = "add_wifi"
_FINAL = ("done", "refused", "interrupted", "expired")
_FIRST_PAUSE_S = 0.1
_PAUSE_MAX_S = 1.0


@app.command()
def command(
    device_id: Annotated[str, typer.Argument(help="The device's id.")],
    name: Annotated[str, typer.Argument(help="read_now, reboot, identify, get_logs ...")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The value is JSON or plain text."),
    ] = None,
    *,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for its end; 0 only sends.")
    ] = 30,
    expires: Annotated[
        int | None,
        typer.Option(min=1, max=31_536_000, help="Seconds after which it is not carried out."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="add_wifi: file with the password, mode 0600.  [default: asks]"),
    ] = None,
    is_open: Annotated[
        bool, typer.Option("--open", help="add_wifi: the network has no password.")
    ] = False,
    sandbox: options.Sandbox = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a device do something, and wait until it is done. Status 1 if it is not.

    It goes through a sandbox: the platform's reference has no call for commands.
    """
    talk = Talk()
    if sandbox is None:
        raise UsageError(
            "the platform's reference has no call for commands: only a sandbox takes them; "
            "give --sandbox INFO"
        )
    body: dict[str, Any] = {
        "name": name,
        "args": _args(name, pairs or [], password_file, is_open, talk),
    }
    if expires is not None:
        body["expires_s"] = expires
    record = _carried_out(sandbox, device_id, body, wait, talk)
    if as_json:
        print(redact(json.dumps(record)))
    is_good = record["state"] == "done" or (wait == 0 and record["state"] not in _FINAL)
    if not is_good:
        raise ToolError(f"{name}: {_words(record)}")
    if not as_json:
        print(redact(f"{name}: {_words(record)}"))
        _print_result(record["result"])


def _carried_out(
    sandbox: Path, device_id: str, body: dict[str, Any], wait_s: float, talk: Talk
) -> dict[str, Any]:
    """Send a command; return its record when it has ended, or as it is after wait_s."""
    from ways_device.sandbox.asking import ask

    where = ("devices", device_id, "commands")
    record: dict[str, Any] = ask(sandbox, "POST", *where, body=body)
    if wait_s == 0:
        return record
    if not record["was_online"]:
        talk.note("the device is not connected: it gets this when it is back, if at all")
    end_s = time.monotonic() + wait_s
    pause_s = _FIRST_PAUSE_S
    with talk.step(f"waiting for {one_line(device_id, 64)}") as step:
        while record["state"] not in _FINAL and time.monotonic() < end_s:
            time.sleep(max(0.0, min(pause_s, end_s - time.monotonic())))
            pause_s = min(_PAUSE_MAX_S, pause_s * 2)
            record = ask(sandbox, "GET", *where, record["id"])
            step.say(record["state"])
    return record


def _words(record: dict[str, Any]) -> str:
    """Return in words what became of a command."""
    state, reason = record["state"], one_line(record["reason"] or "it did not say why")
    return {
        "sent": f"sent as {record['id']}, no answer yet; it waits for the device"
        + ("" if record["not_after"] is None else " until it expires"),
        "accepted": f"{record['id']} is begun, and not done yet",
        "done": "done",
        "refused": f"the device refused it: {reason}",
        "interrupted": f"begun and not finished: {reason}",
        "expired": "the device did not answer in time; nothing will be done any more",
    }.get(state, one_line(str(state)))


def _print_result(result: Any) -> None:
    """Print what a device answered: text as it is, a line for each item or key."""
    if isinstance(result, dict):
        lines = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in result.items()]
    else:
        items = result if isinstance(result, list) else [] if result is None else [result]
        lines = [
            item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
            for item in items
        ]
    for line in lines:
        print(redact(line))


def _args(
    name: str, texts: list[str], password_file: Path | None, is_open: bool, talk: Talk
) -> dict[str, Any]:
    """Return the arguments that key=value and the options give. Raises UsageError."""
    from ways_device.sandbox.secrecy import without_secrets

    words = dict(_pair(text) for text in texts)
    args = {key: _value(word) for key, word in words.items()}
    if without_secrets(args) != args:
        raise UsageError(
            "a secret among the arguments can be read by everybody on this computer; a network's "
            "password comes from --password-file FILE, or is asked for"
        )
    if name != _ADD_WIFI:
        if password_file is not None or is_open:
            raise UsageError(f"--password-file and --open are for {_ADD_WIFI}")
        return args
    if not words.get("ssid"):
        raise UsageError(f"{_ADD_WIFI}: name the network with ssid=NAME")
    from ways_device.boards import networks

    priority = args.get("priority", 0)
    if type(priority) is not int:
        raise UsageError("priority must be a whole number")
    # As it was written: a name may look like a number.
    network = networks.given(words["ssid"], password_file, is_open, priority, talk)
    return {**args, **network.as_json()}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        # What is no pair may be a password: it is not repeated.
        raise UsageError("arguments of a command are KEY=VALUE")
    return key, value


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(text: str) -> Any:
    raise ValueError(text)
