"""The steps of `image`: a device is registered, and becomes a file instead of a board.

Everything that can refuse comes before the device is registered; whatever stops a run, the same
command again goes on from there, and makes the same image.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ways_device import __version__, identity
from ways_device.api.credentials import Credentials
from ways_device.api.platform import Datapoint, Platform
from ways_device.boards import image
from ways_device.boards.download import sha256_of
from ways_device.boards.image import Shape
from ways_device.boards.judge import judge
from ways_device.errors import ToolError, UsageError
from ways_device.journal import STATES, Journal
from ways_device.provision import settings
from ways_device.provision.plan import Plan, Planner
from ways_device.provision.registration import Registration
from ways_device.provision.request import Request
from ways_device.secrets import write_private
from ways_device.talk import Talk
from ways_device.wifi import Network

_TRIAL = dict.fromkeys(("username", "password", "client_id"), "x" * 64)


@dataclass(frozen=True)
class Maker:
    """Makes images of devices of one account."""

    platform: Platform
    journal: Journal
    source: Path
    talk: Talk

    def make(
        self, request: Request, wifi: Sequence[Network], of: Shape, output: Path
    ) -> dict[str, Any]:
        """Register the device, unless it is, and write its image; return what was done."""
        device_id = request.device_id or ""
        plan = self._plan(request, wifi)
        config, points = self._settings(request, plan)
        body = identity.body(device_id, _TRIAL, plan.ca_der, plan.wifi)
        with self.talk.step("seeing that all fits"):
            image.made(image.contents(plan.code.files, config, body), of)
            refuse_unwritable(output)
        with self.journal.lock(self.platform.origin, device_id):
            registration = Registration(self.platform, self.journal, device_id, "", None)
            credentials = self._register(request, plan, points, registration)
            body = identity.body(
                credentials.device_id, credentials.as_login(), plan.ca_der, plan.wifi
            )
            self._write(image.made(image.contents(plan.code.files, config, body), of), output)
            self._advance(registration, "verified")
        return {
            "device_id": credentials.device_id,
            "name": request.name,
            "datapoints": [point.key for point in points],
            "broker": f"{plan.broker.host}:{plan.broker.tls_port}",
            "image": str(output),
            "kilobytes": output.stat().st_size >> 10,
            "written_at": hex(of.written_at),
        }

    def _plan(self, request: Request, wifi: Sequence[Network]) -> Plan:
        planner = Planner(self.platform, self.source, request.drivers)
        with self.talk.step("asking the platform") as step:
            broker = planner.broker(request)
            step.say(f"broker {broker.host}:{broker.tls_port}")
        with self.talk.step("choosing the CA"):
            planner.ca_der(request)
        with self.talk.step("compiling"):
            return planner.plan(request, wifi)

    def _settings(self, request: Request, plan: Plan) -> tuple[bytes, tuple[Datapoint, ...]]:
        with self.talk.step("checking the settings") as step:
            choice = plan.choice
            decided = settings.decide(
                request, plan.broker, choice.interval_s, choice.profile.topics
            )
            text = settings.as_bytes(settings.merge(None, decided))
            judged = judge(text, self.source, drivers=request.drivers)
            if judged.unknown:
                raise UsageError(f"--set {judged.unknown[0]}: the device has no such setting")
            if not judged.datapoints:
                raise UsageError("no sensor: give --sensor KIND:key=value,...")
            step.say(", ".join(point.key for point in judged.datapoints))
            return text, judged.datapoints

    def _register(
        self,
        request: Request,
        plan: Plan,
        points: tuple[Datapoint, ...],
        registration: Registration,
    ) -> Credentials:
        with self.talk.step("preparing the account") as step:
            new = plan.account.ensure_datapoints(points)
            profile = plan.account.ensure_profile(plan.choice)
            step.say(f"profile {profile.name}, {new} new datapoints")
        with self.talk.step("registering") as step:
            made_by = {"provisioned_by": f"ways-device {__version__}"}
            credentials = registration.credentials or registration.register(request.name, made_by)
            step.say(credentials.device_id)
        with self.talk.step("applying the profile") as step:
            self.platform.apply_profile(profile.id, registration.entry.platform_id)
            step.say(profile.name)
        return credentials

    def _write(self, data: bytes, output: Path) -> None:
        with self.talk.step("writing the image") as step:
            try:
                write_private(output, data)
            except OSError as exc:
                raise ToolError(f"cannot write {output}: {exc.strerror}") from exc
            if output.read_bytes() != data:
                raise ToolError(f"{output} is not what was written; is the disk full or broken?")
            step.say(f"{len(data) >> 10} kB, SHA-256 {sha256_of(output)[:16]}...")

    def _advance(self, registration: Registration, state: str) -> None:
        """Note in the journal how far it is, never further back than it was."""
        entry = registration.entry
        if STATES.index(entry.state) < STATES.index(state):
            self.journal.advance(entry, state)


def refuse_unwritable(output: Path) -> None:
    """Raise UsageError if the image could not be written there."""
    folder = output.absolute().parent
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(
            f"--output {output}: cannot be written there; name a file in a folder of yours"
        )
