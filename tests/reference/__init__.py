"""The calls of the API reference with their samples, as data."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    # None where the example sends no body, or the reference shows no answer.
    body: Any
    answer: Any
    # The names in its table of the body's fields, where it has one.
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def calls() -> list[Call]:
    return [
        Call(
            one["method"],
            one["path"],
            one.get("body"),
            one.get("answer"),
            tuple(one.get("fields", ())),
        )
        for file in sorted(FOLDER.glob("*.json"))
        for one in json.loads(file.read_text("utf-8"))
    ]
