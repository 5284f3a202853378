"""One line of the doctor's report."""

from dataclasses import asdict, dataclass

from ways_device.advice import advised
from ways_device.errors import ToolError
from ways_device.secrets import one_line

OK = "ok"
WARNING = "warning"
PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """place is host, platform, board or network; todo is empty where all is well."""

    place: str
    check: str
    verdict: str
    detail: str
    todo: str = ""

    def as_json(self) -> dict[str, str]:
        return {key: one_line(value) for key, value in asdict(self).items()}

    def as_lines(self) -> list[str]:
        """Return it for people, 80 columns wide."""
        head = f"{self.verdict:7}  {self.place:8}  "
        return advised(head, f"{self.check}: {self.detail}", self.todo)


class Place:
    """Makes the findings of one place."""

    def __init__(self, name: str) -> None:
        self._name = name

    def ok(self, check: str, detail: str) -> Finding:
        return Finding(self._name, check, OK, detail)

    def warning(self, check: str, detail: str, todo: str) -> Finding:
        return Finding(self._name, check, WARNING, detail, todo)

    def problem(self, check: str, detail: str, todo: str) -> Finding:
        return Finding(self._name, check, PROBLEM, detail, todo)

    def failed(self, check: str, exc: ToolError) -> Finding:
        """Return the problem that an exception tells: fact, then remedy."""
        fact, _, remedy = str(exc).partition("; ")
        return self.problem(check, fact, remedy or "run the same command again")
