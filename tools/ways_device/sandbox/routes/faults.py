"""/sandbox/faults: the plan of faults, and faults of the broker at once. Same key."""

from fastapi import APIRouter

from ways_device.sandbox.fault_plan import KickFault, Plan, RefuseFault, RestartFault
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/sandbox/faults")


@router.get("")
async def get(the: The) -> Json:
    return the.faults.shown()


@router.put("")
async def put(the: The, plan: Plan) -> Json:
    the.faults.put(plan)
    return the.faults.shown()


@router.delete("", status_code=204)
async def delete(the: The) -> None:
    the.faults.put(Plan())


@router.get("/log")
async def log(the: The) -> Json:
    return the.faults.log()


@router.post("/refuse")
async def refuse(the: The, fault: RefuseFault) -> Json:
    return await the.broker_faults.happen(fault)


@router.post("/kick")
async def kick(the: The, fault: KickFault | None = None) -> Json:
    return await the.broker_faults.happen(fault or KickFault())


@router.post("/restart")
async def restart(the: The, fault: RestartFault | None = None) -> Json:
    """Answers when the broker is down; it is up again for_s seconds later."""
    return await the.broker_faults.happen(fault or RestartFault())
