"""The steps of `provision`. Whatever stops one, the same command again goes on from there.

Everything that can refuse comes before the first change; everything on the board that can
fail without the device's login comes before the device is registered.
"""

import time
from collections.abc import Sequence

from ways_device import __version__, identity
from ways_device.api.credentials import Credentials
from ways_device.api.platform import Datapoint, Latest, Profile
from ways_device.board import CONFIG_PATH
from ways_device.bytecode import DeviceFile
from ways_device.context import Context
from ways_device.deploy import Visit, install, verify, visit
from ways_device.errors import BoardError, UsageError
from ways_device.provision import settings
from ways_device.provision.plan import Plan, make_plan
from ways_device.provision.record import Record
from ways_device.provision.registration import Registration
from ways_device.provision.request import Request
from ways_device.provision.watch import Watch
from ways_device.wifi import Network


def provision(request: Request, wifi: Sequence[Network], context: Context) -> Record:
    """Make a board a device of the platform, and return once its first reading is there."""
    started_s = time.monotonic()
    plan = make_plan(request, wifi, context)
    with visit(context.board, plan.code, context.talk) as visited:
        return set_up(request, plan, visited, context, started_s)


def set_up(
    request: Request, plan: Plan, visited: Visit, context: Context, started_s: float
) -> Record:
    """Make a board that is stopped the device that the request is about, as provision() does.

    started_s   when its time began, of time.monotonic()
    """
    device_id = request.device_id or device_id_of(visited.facts.unique_id)
    with context.journal.lock(context.platform.origin, device_id):
        return _Provisioning(request, context, plan, visited, device_id).run(started_s)


def device_id_of(unique_id: str) -> str:
    """Return the id of a board's device where none is given."""
    return f"esp32-{unique_id}"


class _Provisioning:
    """One run, from the moment the board is stopped."""

    def __init__(
        self, request: Request, context: Context, plan: Plan, visited: Visit, device_id: str
    ) -> None:
        self._request = request
        self._context = context
        self._plan = plan
        self._visited = visited
        self._board = visited.board
        self._talk = context.talk
        self._platform = context.platform
        self._journal = context.journal
        self._device_id = device_id

    def run(self, started_s: float) -> Record:
        with self._talk.step("looking for the device on the platform") as step:
            self._registration = Registration(
                self._platform,
                self._journal,
                self._device_id,
                self._visited.facts.unique_id,
                self._visited.facts.identity,
            )
            step.say(self._device_id)
        config, points = self._put_code()
        profile = self._prepare_account(points)
        credentials = self._register()
        self._apply(profile)
        self._put_settings(config, credentials)
        first = self._see_first_reading([point.key for point in points])
        if not self._registration.is_kept:
            self._journal.advance(self._registration.entry, "done")
        return self._record(profile, points, first, time.monotonic() - started_s)

    def _put_code(self) -> tuple[DeviceFile, tuple[Datapoint, ...]]:
        """Bring the code up to date, and let it judge the settings it is to get."""
        code, facts = self._plan.code, self._visited.facts
        with self._talk.step("stopping the agent"):
            self._visited.hold()
        install(self._visited, code.changed(facts.hashes), code.hiding(facts.hashes), self._talk)
        with self._talk.step("checking the settings") as step:
            decided = settings.decide(
                self._request,
                self._plan.broker,
                self._plan.choice.interval_s,
                self._plan.choice.profile.topics,
            )
            # Settings of another device that this board once was are not taken over.
            is_same = facts.identity == self._registration.entry.platform_id
            merged = settings.merge(facts.config if is_same else None, decided)
            judged = self._board.check_config(settings.as_bytes(merged))
            for key in judged.unknown:
                if key in decided:
                    raise UsageError(f"--set {key}: the device has no such setting")
            if not judged.datapoints:
                raise UsageError("no sensor: give --sensor KIND:key=value,...")
            step.say(", ".join(point.key for point in judged.datapoints))
        text = settings.as_bytes(settings.without(merged, judged.unknown))
        return DeviceFile(CONFIG_PATH, text), judged.datapoints

    def _prepare_account(self, points: tuple[Datapoint, ...]) -> Profile:
        with self._talk.step("preparing the account") as step:
            new = self._plan.account.ensure_datapoints(points)
            profile = self._plan.account.ensure_profile(self._plan.choice)
            step.say(f"profile {profile.name}, {new} new datapoints")
            return profile

    def _register(self) -> Credentials | None:
        """Return the device's login, or None where the board keeps the one it has."""
        registration = self._registration
        with self._talk.step("registering") as step:
            if registration.is_kept:
                if registration.name != self._request.name:
                    self._platform.rename_device(self._id, self._request.name)
                step.say(f"{self._id} is this board already; its login stays")
                return None
            credentials = registration.credentials
            if credentials is None:
                metadata = {
                    "board": self._visited.facts.unique_id,
                    "provisioned_by": f"ways-device {__version__}",
                }
                credentials = registration.register(self._request.name, metadata)
            step.say(credentials.device_id)
            if credentials.assumed:
                self._talk.note(f"the platform named no {credentials.assumed}: the id is used")
            return credentials

    def _apply(self, profile: Profile) -> None:
        with self._talk.step("applying the profile") as step:
            self._platform.apply_profile(profile.id, self._id)
            step.say(profile.name)
        group, tags = self._request.group, self._request.tags
        if not group and not tags:
            return
        with self._talk.step("adding group and tags") as step:
            if group:
                group_id = self._plan.account.ensure_group(group)
                self._platform.groups.add(group_id, [self._id])
            self._platform.devices.add_tags(self._id, tags)
            step.say(", ".join([*([f"group {group}"] if group else []), *tags]))

    def _put_settings(self, config: DeviceFile, credentials: Credentials | None) -> None:
        with self._talk.step("writing identity and settings"):
            login = credentials.as_login() if credentials else {}
            body = identity.body(self._id, login, self._plan.ca_der, self._plan.wifi)
            installed = self._board.install_identity(body)
            # Where the board adds the login itself, only it knows the whole and its hash.
            expected = identity.sha256(body, installed.generation)
            if credentials is not None and installed.sha256 != expected:
                raise BoardError("the identity on the board is not what was sent; try again")
            if self._visited.facts.hashes.get(CONFIG_PATH) != config.sha256:
                verify([config], self._board.install([config], []))
            self._advance("written")
        with self._talk.step("verifying what the board holds") as step:
            code = self._plan.code
            facts = self._board.facts(code.needs, [*code.paths, CONFIG_PATH])
            verify([*code.files, config], facts.hashes)
            if facts.identity != self._id:
                raise BoardError(f"the board's identity is {facts.identity}, not {self._id}")
            self._advance("verified")
            step.say(f"{len(code.files) + 1} files and the identity")

    def _see_first_reading(self, keys: list[str]) -> list[Latest]:
        watch = Watch(self._platform, self._id, keys)
        with self._talk.step("starting the board"):
            self._board.seed_clock(time.time)
            self._visited.release()
        with self._talk.step("waiting for the first reading") as step:
            with self._board.listen() as listener:
                first = watch.wait(listener, self._request.wait_s, step)
            self._advance("seen")
            step.say(", ".join(f"{value.name} {value.value} {value.unit}" for value in first))
            return first

    def _advance(self, state: str) -> None:
        if not self._registration.is_kept:
            self._journal.advance(self._registration.entry, state)

    @property
    def _id(self) -> str:
        return self._registration.entry.platform_id

    def _record(
        self,
        profile: Profile,
        points: tuple[Datapoint, ...],
        first: list[Latest],
        seconds: float,
    ) -> Record:
        broker = self._plan.broker
        return Record(
            device_id=self._id,
            name=self._request.name,
            profile=profile.name,
            interval_s=self._plan.choice.interval_s,
            datapoints=[point.key for point in points],
            broker=f"{broker.host}:{broker.tls_port}",
            port=self._board.port,
            first_reading={value.name: value.value for value in first},
            seconds=round(seconds, 1),
        )
