"""Questions to a running sandbox, below /sandbox: what the platform's own client does not know."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ways_device import sandboxinfo
from ways_device.errors import ApiError, NotFoundError, UsageError
from ways_device.secrets import one_line

_TIMEOUT_S = 30.0
# Where the help of `ways-device` tells people to have it.
INFO_FILE = Path("sandbox.json")

Info = Annotated[
    Path,
    typer.Option("--sandbox", "--info-file", help="The info file of the running sandbox."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def ask(info_file: Path, method: str, *parts: str, body: Any = None, **params: int) -> Any:
    """Return the JSON of one call's answer, None for an answer without a body.

    parts   of the path after /sandbox, unquoted
    Raises UsageError if no sandbox runs there, NotFoundError, ApiError.
    """
    # Late: every command imports this module.
    import httpx

    info = sandboxinfo.load(info_file)
    url = f"{info.api_url}/sandbox/" + "/".join(quote(part, safe="") for part in parts)
    try:
        key = info.api_key_file.read_text("utf-8").strip()
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            headers = {"X-API-Key": key}
            answer = client.request(method, url, headers=headers, json=body, params=params)
    except OSError as exc:
        raise UsageError(f"{info.api_key_file}: {exc.strerror}; is the sandbox running?") from exc
    except httpx.HTTPError as exc:
        why = one_line(str(exc)) or type(exc).__name__
        raise ApiError(f"no sandbox answers at {info.api_url} ({why}); start it again") from exc
    if not answer.is_success:
        kind = NotFoundError if answer.status_code == httpx.codes.NOT_FOUND else ApiError
        said = one_line(answer.text)
        raise kind(f"{method} /sandbox/{'/'.join(parts)}: {said}", answer.status_code)
    return answer.json() if answer.content else None
