"""What a probe found, as text of 80 columns, as JSON, and as a dialect for the sandbox."""

import json
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ways_device.errors import ToolError
from ways_device.probe.finding import Finding
from ways_device.secrets import one_line, redact, write_private

_VERSION = 1
_WIDTH = 79
_INDENT = "    "


def dialect(findings: list[Finding]) -> tuple[dict[str, str], list[str]]:
    """Return what `sandbox start --dialect` takes, and what it has no word for."""
    answers = {finding.key: finding.answer or {} for finding in findings}
    found = {
        "credentials": str(answers.get("register", {}).get("login") or ""),
        "errors": _errors(answers.get("errors", {})),
        "broker": str(answers.get("broker", {}).get("form") or "").replace("another", ""),
    }
    known = {key: value for key, value in found.items() if value}
    return known, sorted(set(found) - set(known))


def _errors(answer: dict[str, Any]) -> str:
    forms = {item["form"] for item in answer.values() if isinstance(item, dict)} - {"none"}
    return forms.pop() if forms in ({"detail"}, {"error"}) else ""


def document(
    origin: str, at: str, findings: list[Finding], recorded: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the whole report in values."""
    spoken, gaps = dialect(findings)
    return {
        "version": _VERSION,
        "origin": origin,
        "at": at,
        "dialect": spoken,
        "dialect_gaps": gaps,
        "findings": [asdict(finding) for finding in findings],
        "recorded": recorded,
    }


def text(report: dict[str, Any]) -> str:
    """Return the report for people, no line over 79 columns."""
    lines = [f"Asked of {report['origin']} at {report['at']}", ""]
    for finding in report["findings"]:
        lines.append(f"{finding['key'].replace('_', ' ')}: {finding['asks']}?")
        lines += _wrapped(finding["said"])
    lines += ["", "The sandbox answers in the same forms with this dialect:"]
    lines += _wrapped(json.dumps(report["dialect"]))
    if report["dialect_gaps"]:
        lines += _wrapped(
            "It has no word for what was found of: " + ", ".join(report["dialect_gaps"])
        )
    return redact("\n".join(lines)) + "\n"


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(
        one_line(words, 2000), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT
    )


def paths(out: Path) -> dict[str, Path]:
    """Return where the three files of a report are."""
    return {
        "report": out,
        "text": out.with_suffix(".txt"),
        "dialect": out.with_suffix(".dialect.json"),
    }


def check(out: Path) -> None:
    """Raises ToolError if the report could not be written there: better now than at the end."""
    if not out.absolute().parent.is_dir():
        raise ToolError(f"{out} cannot be written: its folder does not exist; make it first")
    if out.suffix == ".txt":
        raise ToolError(f"{out}: the report is JSON, and its text goes beside it; name it .json")


def write(out: Path, report: dict[str, Any]) -> dict[str, str]:
    """Write the files; return their names."""
    texts = {
        "report": json.dumps(report, indent=1) + "\n",
        "text": text(report),
        "dialect": json.dumps(report["dialect"]) + "\n",
    }
    found = paths(out)
    try:
        for name, path in found.items():
            write_private(path, texts[name].encode())
    except OSError as exc:
        raise ToolError(f"{out} cannot be written: {exc.strerror}") from exc
    return {name: str(path) for name, path in found.items()}
