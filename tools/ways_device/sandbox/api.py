"""The API as one ASGI application: served calls, 501 for the rest of the reference."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ways_device.sandbox import api_errors, reference
from ways_device.sandbox.fault_gate import FaultGate
from ways_device.sandbox.guard import Guard
from ways_device.sandbox.platform import Platform
from ways_device.sandbox.routes import (
    account,
    alarms,
    datapoints,
    devices,
    downlink,
    faults,
    groups,
    notifications,
    page,
    profiles,
    rules,
    sandbox,
    telemetry,
)

_ROUTERS = [
    module.router
    for module in (
        devices,
        groups,
        profiles,
        rules,
        alarms,
        datapoints,
        telemetry,
        notifications,
        account,
        sandbox,
        downlink,
        faults,
        page,
    )
]


def build(platform: Platform, is_key: Callable[[str], bool]) -> ASGIApp:
    """Return the application.

    No path of it answers without a key, unknown ones included, but for the files of the page.
    """
    # The schema is served like everything else, behind the key.
    app = FastAPI(openapi_url="/sandbox/openapi.json", docs_url=None, redoc_url=None)
    app.state.platform = platform
    api_errors.install(app, platform.dialect)
    for router in _ROUTERS:
        # As they are: to include the router would be to make each route anew for this application.
        app.router.routes.extend(router.routes)
    for method, path in unserved():
        app.add_api_route(path, _not_served, methods=[method])
    return Guard(FaultGate(app, platform.faults), is_key, platform.dialect)


def unserved() -> list[tuple[str, str]]:
    """Return the calls of the reference that have no route here yet."""
    served = {
        (method, route.path)
        for router in _ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    return [call for call in reference.CALLS if call not in served]


async def _not_served() -> None:
    raise HTTPException(501, "The sandbox does not serve this call yet")
