"""The bodies of a new command and of settings for a device."""

import re
from typing import Annotated

from fastapi import Body
from pydantic import AfterValidator, BaseModel, Field, model_validator

from ways_device.sandbox import wire
from ways_device.sandbox.bodies import Document
from ways_device.sandbox.devices import ID_PATTERN
from ways_device.sandbox.wire import Json

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_YEAR_S = 31_536_000
# The year 9999: what devices and databases can hold.
_TIME_MAX = 253_402_300_799


# The broker takes 64 KB; a device's own limit is far lower.
_ARGS_MAX_BYTES = 32_768


def _short(value: Json) -> Json:
    if len(wire.dump(value).encode()) > _ARGS_MAX_BYTES:
        raise ValueError(f"larger than {_ARGS_MAX_BYTES} bytes")
    return value


class NewCommand(BaseModel):
    """Without expires_s and not_after (Unix seconds) it waits for the device for ever."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    args: Annotated[Document, AfterValidator(_short)] | None = None
    expires_s: Annotated[int, Field(ge=1, le=_YEAR_S, strict=True)] | None = None
    not_after: Annotated[int, Field(ge=0, le=_TIME_MAX, strict=True)] | None = None
    id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None

    @model_validator(mode="after")
    def _one_end(self) -> "NewCommand":
        if self.expires_s is not None and self.not_after is not None:
            raise ValueError("expires_s or not_after, not both")
        return self


def _settings(value: Json) -> Json:
    for key in value:
        if key == "rev" or not _KEY.fullmatch(key):
            raise ValueError("keys are names of settings in lower case; rev counts by itself")
    return value


Settings = Annotated[Document, AfterValidator(_settings), Body()]
