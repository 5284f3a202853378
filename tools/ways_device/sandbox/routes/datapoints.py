"""/v1/iot/datapoints"""

from fastapi import APIRouter

from ways_device.sandbox.bodies import DatapointChange, NewDatapoint
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/datapoints")


@router.get("")
async def list_datapoints(the: The) -> Json:
    return {"datapoints": the.datapoints.all()}


@router.post("", status_code=201)
async def create(the: The, body: NewDatapoint) -> Json:
    return the.datapoints.create(body.model_dump())


@router.get("/{datapoint_id}")
async def get(the: The, datapoint_id: str) -> Json:
    return the.datapoints.get(datapoint_id)


@router.put("/{datapoint_id}")
async def update(the: The, datapoint_id: str, body: DatapointChange) -> Json:
    return the.datapoints.update(datapoint_id, body.given())


@router.delete("/{datapoint_id}", status_code=204)
async def delete(the: The, datapoint_id: str) -> None:
    the.datapoints.delete(datapoint_id)
