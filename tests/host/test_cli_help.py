"""What --help promises: examples that parse, exit statuses that are true, 80 columns, --json."""

import re
import shlex
import subprocess
import sys

import pytest
import typer

from ways_device import cli, context
from ways_device.commands import output
from ways_device.commands.examples import EXAMPLES, attach
from ways_device.errors import ApiError, AuthError, BoardError, ToolError, UsageError
from ways_device.sandbox.ledger_cli import MISSING

# They print until they are stopped, or speak JSON anyhow; each with the reason.
WITHOUT_JSON = {
    "demo": "a show for people",
    "api": "prints the JSON of the answer always",
    "sandbox start": "runs until Ctrl-C; --info-file is for programs",
    "vboard start": "runs until Ctrl-C; --info-file is for programs",
}


def tree(command=None, path=()):
    """Return all commands by their words, groups included."""
    command = command or typer.main.get_command(cli.app)
    found = {" ".join(path): command}
    for name, below in getattr(command, "commands", {}).items():
        found |= tree(below, (*path, name))
    return found


COMMANDS = tree()
LEAVES = [words for words, command in COMMANDS.items() if not hasattr(command, "commands")]


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


def helped(words, capsys):
    assert cli.run([*words.split(), "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", COMMANDS)
def test_no_line_of_help_is_over_80_columns(words, capsys):
    assert [line for line in helped(words, capsys).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", LEAVES)
def test_help_of_each_command_ends_in_examples_that_parse(words, capsys):
    text = helped(words, capsys)
    assert "For example:" in text
    # Where the parser has broken a line it begins with no name of ours.
    tail = " ".join(text.split("For example:")[1].split("\n\n")[0].replace("\\\n", " ").split())
    examples = [one.strip() for one in re.split(r"(?:^|\s)ways-device\s", tail)[1:]]
    assert examples
    assert any(f"{example} ".startswith(f"{words} ") for example in examples)
    for example in examples:
        parsed(shlex.split(example))


def parsed(arguments):
    """Let the parser read the words of a command; nothing is run."""
    command, path = COMMANDS[""], []
    while hasattr(command, "commands"):
        path.append(arguments.pop(0))
        command = command.commands[path[-1]]
    command.make_context(path[-1], arguments)


def test_examples_are_of_commands_that_exist():
    assert [words for words in EXAMPLES if words not in LEAVES] == []


def test_a_command_without_an_example_is_noticed():
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("one")(lambda: None)
    app.command("deploy")(lambda: None)
    command = typer.main.get_command(app)
    attach(command)
    epilogs = {name: below.epilog or "" for name, below in command.commands.items()}
    assert "For example:" not in epilogs["one"]
    assert "For example:\n  ways-device deploy" in epilogs["deploy"]


@pytest.mark.parametrize("words", LEAVES)
def test_each_command_with_a_result_has_json(words):
    options = [option for param in COMMANDS[words].params for option in param.opts]
    assert ("--json" in options) != (words in WITHOUT_JSON)


def test_exit_statuses_in_the_help_are_true(capsys, monkeypatch):
    text = helped("", capsys).split("Exit status:")[1]
    told = {int(number): words for number, words in re.findall(r"^ +(\d+) +(.*)$", text, re.M)}
    assert list(told) == [0, 1, 2, 3, 4, 5, 130]

    def status_of(exc):
        def fail(port):
            raise exc

        monkeypatch.setattr(context, "open_board", fail)
        return cli.run(["deploy"])

    assert cli.run(["--version"]) == 0 and told[0] == "done"
    assert status_of(ToolError("x")) == 1 and told[1].startswith("failed")
    assert status_of(RuntimeError("x")) == 1
    assert status_of(UsageError("x")) == cli.run(["fly"]) == 2 and "wrongly" in told[2]
    assert status_of(BoardError("x")) == 3 and "board" in told[3]
    assert status_of(ApiError("x")) == status_of(AuthError("x")) == 4 and "API" in told[4]
    assert MISSING == 5 and "sandbox ledger" in told[5]
    assert status_of(KeyboardInterrupt()) == 130 and "interrupted" in told[130]


def test_every_exit_status_of_an_error_is_in_the_help(capsys):
    text = helped("", capsys)

    def below(kind):
        return {kind.exit_code}.union(*(below(other) for other in kind.__subclasses__()))

    for number in below(ToolError):
        assert re.search(rf"^ +{number} +\w", text, re.M)


def test_refusing_to_agree_is_status_2(capsys):
    with pytest.raises(UsageError):
        output.confirm("Delete it?", False)


def test_a_command_begins_without_what_only_some_commands_need():
    heavy = "{'httpx', 'rich.console', 'cryptography', 'fastapi'}"
    program = f"import sys, ways_device.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"
