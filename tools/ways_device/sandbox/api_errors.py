"""What the API refuses, and how: always a JSON body {"detail": ...}.

RefusedError
    AbsentError    404
    TakenError     409

What the sandbox itself cannot do, a ToolError, is 503.
"""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ways_device.errors import ToolError


class RefusedError(Exception):
    """A refused call. str() is the text for the caller."""

    status = 400


class AbsentError(RefusedError):
    status = 404


class TakenError(RefusedError):
    status = 409


async def _refuse(_request: Request, exc: Exception) -> JSONResponse:
    status = exc.status if isinstance(exc, RefusedError) else 503
    return JSONResponse({"detail": str(exc)}, status)


async def _refuse_body(_request: Request, exc: Exception) -> JSONResponse:
    """Answer like FastAPI does, without echoing the input: it may hold what JSON cannot carry."""
    assert isinstance(exc, RequestValidationError)
    detail = [{key: error[key] for key in ("loc", "msg", "type")} for error in exc.errors()]
    return JSONResponse({"detail": detail}, 422)


def install(app: FastAPI) -> None:
    app.add_exception_handler(RefusedError, _refuse)
    app.add_exception_handler(ToolError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_body)
