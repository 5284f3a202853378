"""A plan of faults: what goes wrong, how often and when. Small JSON, checked field by field.

    {"seed": 7,
     "http": [{"fault": "status", "status": [500, 502, 503, 504], "probability": 0.5},
              {"fault": "lost", "method": "POST", "path": "/devices", "times": 1}],
     "mqtt": [{"fault": "restart", "at_s": 30, "for_s": 5}]}

Each fault of http is for the requests that it matches:

    method        GET, POST ...; absent: any
    path          a path of the reference below /v1/iot, {name} stands for anything; absent: any
    after         how many of the requests that match are left alone first (0)
    times         how often it happens at most; absent: for ever
    probability   of happening to a request that matches, 0 to 1 (1)

    status        {status, body, retry_after, carried_out} refused with status, one of a list by
                  chance; body is a text or a JSON value (absent: {"detail": ...}), retry_after
                  seconds or a text; carried_out: the call is carried out first (false)
    delay         {delay_s, hold} answered late. hold "answer" (the default) carries the call out
                  at once, "request" after the delay, even if the client has gone by then
    cut           {at_byte} carried out, connection closed after so many bytes of the answer,
                  counted from the first byte of its status line
    lost          carried out, connection closed without an answer
    malformed     {body} carried out, answered with body, else with the answer's first half
    redirect      {location, status} not carried out; status is 307 if it is absent

Each fault of mqtt happens at_s seconds after the plan was put in force, 0 if absent:

    refuse        {device_id, for_s} session closed, login refused for so long
    kick          {device_id} session closed by the broker
    restart       {for_s} broker stopped for so long

Without device_id it is for all devices that are registered at that moment.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ways_device.errors import ToolError
from ways_device.sandbox import wire
from ways_device.sandbox.devices import ID_PATTERN
from ways_device.sandbox.reference import BASE, CALLS
from ways_device.sandbox.wire import Json

_SIZE_MAX = 1_000_000
_FAULTS_MAX = 200
_COUNT_MAX = 1_000_000_000
_LONGEST_S = 3600
# A text that may stand in a header.
_Header = Annotated[
    str, Field(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$")
]
_Count = Annotated[int, Field(ge=0, le=_COUNT_MAX, strict=True)]
_Seconds = Annotated[float, Field(ge=0, le=_LONGEST_S, allow_inf_nan=False)]
_Status = Annotated[int, Field(ge=400, le=599, strict=True)]


def segments(path: str) -> list[str]:
    """Return a path below /v1/iot in parts."""
    return path.removeprefix(BASE).strip("/").split("/")


def fits(pattern: str, path: str) -> bool:
    """True if path, or another pattern, is one of those that pattern describes."""
    wanted, given = segments(pattern), segments(path)
    return len(wanted) == len(given) and all(
        one == other or one.startswith("{") for one, other in zip(wanted, given, strict=True)
    )


def call_of(method: str, path: str) -> str | None:
    """Return the reference's own path of a call, without /v1/iot; None if it has no such call."""
    found = [known for verb, known in CALLS if verb == method and fits(known, path)]
    # /alarms/summary is itself, and not the alarm of that name.
    found.sort(key=lambda known: known.count("{"))
    return found[0].removeprefix(BASE) if found else None


def _value(body: Any) -> Any:
    wire.check(body)
    return body


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpFault(_Strict):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    path: Annotated[str, Field(max_length=500, pattern=r"^/[^?#]+$")] | None = None
    after: _Count = 0
    times: Annotated[int, Field(ge=1, le=_COUNT_MAX, strict=True)] | None = None
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _is_known(self) -> "HttpFault":
        methods = {self.method} if self.method else {method for method, _ in CALLS}
        if self.path is not None and not any(call_of(verb, self.path) for verb in methods):
            raise ValueError(f"the reference has no call {self.method or ''} {self.path}")
        return self

    def matches(self, method: str, path: str) -> bool:
        if self.method not in (None, method):
            return False
        if self.path is None:
            return True
        # A pattern of the reference is for its own call only, not for /alarms/summary.
        is_own = "{" not in self.path or call_of(method, self.path) == call_of(method, path)
        return is_own and fits(self.path, path)


class StatusFault(HttpFault):
    fault: Literal["status"]
    status: _Status | Annotated[list[_Status], Field(min_length=1, max_length=50)]
    body: Annotated[Any, AfterValidator(_value)] = None
    retry_after: Annotated[int, Field(ge=0, le=86400, strict=True)] | _Header | None = None
    carried_out: bool = False


class DelayFault(HttpFault):
    fault: Literal["delay"]
    delay_s: _Seconds
    hold: Literal["answer", "request"] = "answer"


class CutFault(HttpFault):
    fault: Literal["cut"]
    at_byte: _Count


class LostFault(HttpFault):
    fault: Literal["lost"]


class MalformedFault(HttpFault):
    fault: Literal["malformed"]
    body: Annotated[str, Field(max_length=65536)] | None = None


class RedirectFault(HttpFault):
    fault: Literal["redirect"]
    location: _Header
    status: Literal[301, 302, 303, 307, 308] = 307


class _MqttFault(_Strict):
    at_s: _Seconds = 0.0


class _AtDevices(_MqttFault):
    device_id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None


class RefuseFault(_AtDevices):
    fault: Literal["refuse"] = "refuse"
    for_s: _Seconds


class KickFault(_AtDevices):
    fault: Literal["kick"] = "kick"


class RestartFault(_MqttFault):
    fault: Literal["restart"] = "restart"
    for_s: _Seconds = 0.0


AnyHttp = StatusFault | DelayFault | CutFault | LostFault | MalformedFault | RedirectFault
AnyMqtt = RefuseFault | KickFault | RestartFault


class Plan(_Strict):
    seed: Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)] = 0
    http: Annotated[
        list[Annotated[AnyHttp, Field(discriminator="fault")]], Field(max_length=_FAULTS_MAX)
    ] = []
    mqtt: Annotated[
        list[Annotated[AnyMqtt, Field(discriminator="fault")]], Field(max_length=_FAULTS_MAX)
    ] = []

    def shown(self) -> Json:
        """Return the plan as it was given."""
        shown: Json = self.model_dump(mode="json", exclude_unset=True)
        return {"seed": self.seed, "http": [], "mqtt": [], **shown}


def load(path: Path) -> Plan:
    """Read a plan. Raises ToolError, one line that names the first field that is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(_SIZE_MAX + 1)
        if len(text) > _SIZE_MAX:
            raise ToolError(f"{path}: a fault plan has at most {_SIZE_MAX} bytes")
        return Plan.model_validate(json.loads(text))
    except OSError as exc:
        raise ToolError(f"{path}: the fault plan cannot be read: {exc.strerror}") from exc
    except ValidationError as exc:
        raise ToolError(f"{path}: {_first(exc)}") from exc
    except (ValueError, RecursionError) as exc:
        raise ToolError(f"{path}: the fault plan is no JSON: {exc}") from exc


def _first(exc: ValidationError) -> str:
    error = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, error["loc"])) or "the plan"
    more = exc.error_count() - 1
    return f"{where}: {re.sub('^Value error, ', '', error['msg'])}" + (
        f" (and {more} more)" if more else ""
    )
