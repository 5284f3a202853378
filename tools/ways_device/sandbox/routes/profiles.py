"""/v1/iot/profiles"""

from fastapi import APIRouter

from ways_device.sandbox.bodies import NewProfile, ProfileChange
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/profiles")


@router.get("")
async def list_profiles(the: The) -> Json:
    return {"profiles": the.profiles.all()}


@router.post("", status_code=201)
async def create(the: The, body: NewProfile) -> Json:
    return the.profiles.create(body.given())


@router.get("/{profile_id}")
async def get(the: The, profile_id: str) -> Json:
    return the.profiles.get(profile_id)


@router.put("/{profile_id}")
async def update(the: The, profile_id: str, body: ProfileChange) -> Json:
    return the.profiles.update(profile_id, body.given())


@router.delete("/{profile_id}", status_code=204)
async def delete(the: The, profile_id: str) -> None:
    the.profiles.delete(profile_id)


@router.post("/{profile_id}/apply/{device_id}")
async def apply(the: The, profile_id: str, device_id: str) -> Json:
    return the.profiles.apply(profile_id, device_id)
