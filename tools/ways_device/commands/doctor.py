"""`doctor`: what is wrong, from this computer to the broker, and what to do about it."""

import json
import sys

import typer

from ways_device.commands import options
from ways_device.talk import Talk

app = typer.Typer()

_COLORS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


@app.command()
def doctor(
    *,
    port: options.Port = None,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.AsJson = False,
) -> int:
    """Look for what is wrong: this computer, the board, and the board's way to the broker.

    The board's agent is stopped meanwhile, and started again. A line for each check, and what
    to do; the exit status is 1 if there is a problem.

    For example: ways-device doctor --port u0
    """
    from ways_device import context
    from ways_device.doctor.command import Doctor
    from ways_device.doctor.finding import Finding
    from ways_device.resources import device_source

    def show(finding: Finding) -> None:
        first, *rest = finding.as_lines()
        if sys.stdout.isatty():
            verdict = typer.style(first[:8], fg=_COLORS[finding.verdict])
            first = verdict + first[8:]
        print("\n".join([first, *rest]), flush=True)

    where = context.place(sandbox, api_url, api_key_file)
    examination = Doctor(
        where, device_source(), Talk(), (lambda finding: None) if as_json else show
    )
    report = examination.run(port)
    if as_json:
        found = [finding.as_json() for finding in report.findings]
        print(json.dumps({"problems": report.problems, "findings": found}))
    elif report.problems:
        print(f"{report.problems} problem(s)")
    else:
        print("no problem found")
    return 1 if report.problems else 0
