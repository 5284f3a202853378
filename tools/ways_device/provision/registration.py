"""The device on the platform: made once, journalled before and after, never taken from others.

journal says      platform has it   we do
nothing           no                register
nothing, done     yes               keep it, if this board holds its identity; else stop
intent            no                register
intent            yes               it is ours, its password was lost: delete, register
registered ...    yes               go on with the journalled credentials
any               no                register anew: somebody deleted it
"""

from ways_device.api.answers import Answer
from ways_device.api.credentials import Credentials, read_credentials
from ways_device.api.platform import Platform
from ways_device.errors import AmbiguousError, ApiError, ConflictError
from ways_device.journal import Entry, Journal

_ATTEMPTS = 3


class Registration:
    """One device's way from nothing to registered."""

    def __init__(
        self,
        platform: Platform,
        journal: Journal,
        device_id: str,
        board_id: str,
        identity: str | None,
    ) -> None:
        """Read the journal and the platform; change neither. Raises ToolError if it is hopeless.

        board_id    the board's own unique id
        identity    the device whose identity the board holds, None if none
        """
        self._platform = platform
        self._journal = journal
        self._board_id = board_id
        self._identity = identity
        entry = journal.load(platform.origin, device_id)
        self._known = entry is not None
        self.entry = entry or Entry(platform.origin, device_id, board_id=board_id)
        self._there = platform.device(self.entry.platform_id)
        self._refuse_foreign()

    @property
    def credentials(self) -> Credentials | None:
        """The login, while the journal holds it and the platform has the device."""
        held = self.entry.credentials
        return Credentials(**held) if held and self._there is not None else None

    @property
    def is_kept(self) -> bool:
        """True if the board already is this device, and its login stays what it is."""
        return self._there is not None and self.entry.credentials is None and not self._is_lost

    @property
    def name(self) -> str:
        """The name the platform shows, "" for a device it does not have."""
        return str((self._there or {}).get("name") or "")

    @property
    def _is_lost(self) -> bool:
        # An intent without credentials: registered by us, and the answer never arrived.
        return self._known and self.entry.state == "intent"

    def _refuse_foreign(self) -> None:
        entry, device_id = self.entry, self.entry.platform_id
        if self._there is None:
            return
        if entry.credentials is not None and entry.board_id not in ("", self._board_id):
            raise ConflictError(
                f"{device_id} was begun on another board ({entry.board_id}); plug that one in, "
                "or give this one another --device-id"
            )
        if not self.is_kept or self._identity == device_id:
            return
        if self._known:
            raise ConflictError(
                f"{device_id} is registered, but its password is neither on this board nor on "
                "this computer any more; delete the device on the platform and run this again, "
                "or give another --device-id"
            )
        raise ConflictError(
            f"a device {device_id} exists already, and this computer did not register it; give "
            "another --device-id, or delete that device on the platform first"
        )

    def register(self, name: str, metadata: dict[str, str]) -> Credentials:
        """Make the device and return its login, which is in the journal by then.

        Raises ApiError; AmbiguousError if even looking does not tell what became of it.
        """
        entry = self.entry
        fresh = Entry(entry.origin, entry.device_id, board_id=self._board_id)
        ours = self._is_lost
        self.entry = fresh
        self._journal.save(fresh)
        if ours:
            self._platform.delete_device(entry.platform_id)
        answer = self._post_until_clear(fresh, name, metadata, ours)
        return self._kept(fresh, answer)

    def _post_until_clear(
        self, entry: Entry, name: str, metadata: dict[str, str], ours: bool
    ) -> Answer:
        """Register; after an unclear answer remove what may be there and try again.

        ours  tells whether a device of this id could only be one that we made
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._platform.register(entry.device_id, name, metadata)
            except (AmbiguousError, ConflictError) as exc:
                # It did not exist when we began: once an answer got lost, what is there is ours.
                ours = ours or isinstance(exc, AmbiguousError)
                if not ours:
                    self._journal.discard(entry)
                    raise _taken(entry.device_id, exc) from exc
                if attempt == _ATTEMPTS:
                    raise
                self._platform.delete_device(entry.device_id)
            except ApiError:
                # A clear refusal made nothing; but an earlier, unclear attempt may have.
                if not ours:
                    self._journal.discard(entry)
                raise
        raise AssertionError("the last attempt returns or raises")

    def _kept(self, entry: Entry, answer: Answer) -> Credentials:
        """Put the login on the disk before anything else can fail."""
        try:
            found = answer.json("POST /v1/iot/devices")
        except ApiError:
            found = None
        credentials = read_credentials(found, entry.device_id)
        if credentials is None:
            path = self._journal.keep_answer(entry, answer.text)
            raise ApiError(
                f"{entry.device_id} is registered, but the answer holds no MQTT password; it is "
                f"kept in {path}. Running this again deletes the device and registers it anew"
            )
        entry.credentials = credentials.as_journal()
        entry.registered_id = credentials.device_id
        self._journal.advance(entry, "registered")
        self._there = {"name": ""}
        return credentials


def _taken(device_id: str, exc: ApiError) -> ConflictError:
    return ConflictError(
        f"the id {device_id} is taken, perhaps by another account; give another --device-id "
        f"({exc})",
        exc.status,
        exc.body,
    )
