"""The device on the platform: made once, journalled before and after, never taken from others.

journal says      platform has it   we do
nothing           no                register
nothing, done     yes               keep it, if this board holds its identity; else stop
intent            no                register
intent            yes               it is ours, its password was lost: delete, register
registered ...    yes               go on with the journalled credentials
any               no                register anew: somebody deleted it

A device is deleted only if the journal says that we made it and its metadata name no other board.
"""

from typing import Any

from ways_device.api.answers import Answer
from ways_device.api.credentials import Credentials, read_credentials
from ways_device.api.platform import Platform
from ways_device.errors import AmbiguousError, ApiError, ConflictError
from ways_device.journal import Entry, Journal
from ways_device.secrets import one_line

_ATTEMPTS = 3
_SUCCESSES = range(200, 300)
# After these a device of the id may exist.
_MAYBE_THERE = (AmbiguousError, ConflictError)


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
        before = self.entry
        ours = self._is_lost or before.credentials is not None
        if self._is_lost:
            self._remove(before, self._there)
        self.entry = Entry(before.origin, before.device_id, board_id=self._board_id)
        self._journal.save(self.entry)
        answer = self._post_until_clear(before, name, metadata, ours)
        return self._kept(self.entry, answer)

    def _post_until_clear(
        self, before: Entry, name: str, metadata: dict[str, str], ours: bool
    ) -> Answer:
        """Register; after an unclear answer look, remove what may be there, and try again.

        before  what the journal goes back to if nothing was made
        ours    tells whether a device of this id could only be one that we made
        """
        entry = self.entry
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._post(entry, name, metadata)
            except ApiError as exc:
                # A clear refusal made nothing; but an earlier, unclear attempt may have.
                if not ours and not isinstance(exc, AmbiguousError):
                    self._take_back(before)
                    if isinstance(exc, ConflictError):
                        raise _taken(entry, exc) from exc
                    raise
                if attempt == _ATTEMPTS or not isinstance(exc, _MAYBE_THERE):
                    raise
            # It did not exist when we began: once an answer got lost, what is there is ours.
            ours = True
            self._remove(entry, self._platform.device(entry.device_id))
        raise AssertionError("the last attempt returns or raises")

    def _post(self, entry: Entry, name: str, metadata: dict[str, str]) -> Answer:
        try:
            answer = self._platform.register(entry.device_id, name, metadata)
            if answer.is_json:
                return answer
            raise AmbiguousError("the answer is empty", answer.status, answer.text)
        except AmbiguousError as exc:
            if exc.status not in _SUCCESSES:
                raise
            path = self._journal.keep_answer(entry, exc.body)
            raise AmbiguousError(
                f"the answer to the registration of {entry.device_id} is not JSON; it is kept in "
                f"{path}. Running this again puts it right; is this the platform's address?",
                exc.status,
                exc.body,
            ) from exc

    def _remove(self, entry: Entry, there: dict[str, Any] | None) -> None:
        """Delete a device whose password nobody has. Raises ConflictError if it is not ours."""
        if there is None:
            return
        metadata = there.get("metadata")
        board = metadata.get("board") if isinstance(metadata, dict) else None
        if board not in (None, "", entry.board_id, self._board_id):
            raise ConflictError(
                f"{entry.platform_id} exists, and it was made for another board "
                f"({one_line(str(board))}); give another --device-id, or delete that device first"
            )
        self._platform.delete_device(entry.platform_id)

    def _take_back(self, before: Entry) -> None:
        """Put the journal back as it was: nothing was made."""
        self.entry = before
        if self._known:
            self._journal.save(before)
        else:
            self._journal.discard(before)

    def _kept(self, entry: Entry, answer: Answer) -> Credentials:
        """Put the login on the disk before anything else can fail."""
        credentials = read_credentials(answer.json("POST /v1/iot/devices"), entry.device_id)
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


def _taken(entry: Entry, exc: ApiError) -> ConflictError:
    return ConflictError(
        f"the id {entry.device_id} is taken, perhaps by another account; give another "
        f"--device-id ({exc})",
        exc.status,
        exc.body,
    )
