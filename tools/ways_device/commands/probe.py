"""`probe`: the questions that the platform's documents leave open, asked of an account."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ways_device.commands import options
from ways_device.commands.output import confirm, print_table
from ways_device.talk import Talk

app = typer.Typer()

_Out = Annotated[
    Path, typer.Option(help="The report; its text and the dialect for the sandbox go beside it.")
]


@app.command()
def probe(
    out: _Out = Path("probe.json"),
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
    ca_file: options.CaFile = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Find out how the platform behaves where its documents do not say.

    Makes two throwaway devices on the account, tries, and deletes everything it made, also after
    Ctrl-C; killed, it is deleted by the next run. The report holds no secret and nothing of the
    account's other devices.
    """
    from ways_device import context
    from ways_device.probe import command, report

    where = context.place(sandbox, api_url, api_key_file)
    if dry_run:
        Talk().note(f"{command.WHAT} It would ask {where.origin}:")
        print_table(command.questions(), ("question", "asks"), as_json)
        return
    report.check(out)
    confirm(f"{command.WHAT} Go on with {where.origin}?", yes or where.is_sandbox)
    talk = Talk()
    with (
        context.client(where) as client,
        command.opened(where, client, ca_file or where.ca_file) as tools,
    ):
        found = command.probe(tools, talk)
    files = report.write(out, found)
    print(json.dumps(found) if as_json else report.text(found), end="\n" if as_json else "")
    talk.note(f"written: {', '.join(files.values())}")
