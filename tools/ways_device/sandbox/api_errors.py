"""What the API refuses, and how: always a JSON body, of the shape that the dialect has for it.

RefusedError
    AbsentError    404
    TakenError     409
    FullError      429

What the sandbox itself cannot do, a ToolError, is 503.
"""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ways_device.errors import ToolError
from ways_device.sandbox.dialect import Dialect


class RefusedError(Exception):
    """A refused call. str() is the text for the caller."""

    status = 400


class AbsentError(RefusedError):
    status = 404


class TakenError(RefusedError):
    status = 409


class FullError(RefusedError):
    """The plan allows no more. The vendor's SDK names this as one meaning of 429."""

    status = 429


def install(app: FastAPI, dialect: Dialect) -> None:
    async def refuse(_request: Request, exc: Exception) -> JSONResponse:
        status = exc.status if isinstance(exc, RefusedError) else 503
        return JSONResponse(dialect.refusal(status, str(exc)), status)

    async def refuse_input(_request: Request, exc: Exception) -> JSONResponse:
        """Answer without echoing the input: it may hold what JSON cannot carry."""
        assert isinstance(exc, RequestValidationError)
        problems = [{key: error[key] for key in ("loc", "msg", "type")} for error in exc.errors()]
        status, body = dialect.bad_input(problems)
        return JSONResponse(body, status)

    async def refuse_request(_request: Request, exc: Exception) -> JSONResponse:
        assert isinstance(exc, HTTPException)
        body = dialect.refusal(exc.status_code, str(exc.detail))
        return JSONResponse(body, exc.status_code, exc.headers)

    app.add_exception_handler(RefusedError, refuse)
    app.add_exception_handler(ToolError, refuse)
    app.add_exception_handler(RequestValidationError, refuse_input)
    app.add_exception_handler(HTTPException, refuse_request)
