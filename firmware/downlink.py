"""What the platform sends: taken when it comes, acted upon afterwards, one thing at a time.

All of the rest (intake.py, commands.py, settings.py) is in memory only while there is something
to do.
"""

import asyncio
import binascii
import os
import struct

from micropython import const

from firmware import unload

_LOOK_MS = const(60_000)
_SOON_MS = const(1_000)
# Of ids only, see journal.py.
SIZE_AT_REST = const(64 * 8 + 2 + 4)
# Without a session for so many looks, new settings are worth a restart: it counts as a failure.
_TRIAL_LOOKS = const(600)
_ON_DEMAND = const(
    "commands actions lookup settings live report config intake journal strictjson topics"
)


class Downlink:
    # Until they change they take no room in the object.
    journal = None  # while there is something to do
    ignored = 0  # messages that could not be answered
    looks = 0
    is_left = False  # the last run left something to be told

    def __init__(self, agent, identity, config, cause):
        """Have the session subscribe, with each new one; cause is that of lastrun.py, or None.

        identity has device_id and username: settings seen by another login are not seen.
        """
        self.agent = agent
        self.log = agent.log.child("downlink")
        self.cause = cause or "unknown"
        self.folder, self.name = config.place
        self.path = agent.board.root + "commands"
        device_id = identity.device_id
        self.owner = binascii.crc32((device_id + " " + identity.username).encode())
        self.stirred = asyncio.Event()
        self.queue = []  # (answer, command or None): those whose answers are open in the journal
        self.documents = []  # settings to look at; the newest will do
        self.topics = []
        session = agent.session
        window = session.window
        for pattern in (config.commands_topic, config.config_topic):
            topic = pattern.replace("+", device_id).encode()
            self.topics.append(topic)
            if topic:
                window.topics[topic] = 1
        # Asked for with the first login even if the broker kept them: it then tells the settings
        # again, which a power cut may have kept from being handled.
        window.asked[0] = b""
        session.set_callback(self.receive)

    def receive(self, topic, message):
        """Take a message; when this returns, the broker is told that we have it."""
        commands, settings = self.topics
        if topic == settings and message != b"":
            if message is None or self.seen()[1] != binascii.crc32(message):
                self.documents[:] = [message]
        elif topic == commands:
            try:
                from firmware import intake

                intake.receive(self, message)
            except MemoryError:
                self.ignored += 1
        self.stirred.set()

    def seen(self):
        """Return (rev, CRC-32) of the settings that were handled last, (-1, None) for none."""
        data = bytearray(12)
        if self.agent.board.nvs.get_blob_into("settings_seen", data) == 12:
            owner, rev, check = struct.unpack("<IiI", data)
            if owner == self.owner:
                return rev, check
        return -1, None

    async def run(self):
        """Act upon what comes, for ever."""
        agent = self.agent
        session = agent.session
        on_trial = agent.board.nvs.get_i32("trial")
        self.look_back()
        while True:
            if session.up.is_set():
                if on_trial:
                    from firmware import lastgood

                    on_trial = lastgood.end_trial(session, agent.board, agent.log)
                    unload("lastgood")
                if self.is_left or self.queue or self.documents or self.ignored:
                    await self._work()
            elif on_trial and self.looks >= _TRIAL_LOOKS:
                agent.stop()
            self._let_go()
            agent.clock.alive("downlink", 2 * _LOOK_MS)
            # What waits for a session goes on soon after it has come.
            waits = on_trial or self.is_left or self.queue or self.documents
            try:
                await asyncio.wait_for_ms(self.stirred.wait(), _SOON_MS if waits else _LOOK_MS)
            except asyncio.TimeoutError:
                self.looks += 1
            self.stirred.clear()
            self._see_refused()

    def _see_refused(self):
        """Tell of a topic that the broker does not let us read, once. The session logs it."""
        agent = self.agent
        for number, topic in enumerate(self.topics):
            if topic and topic not in agent.session.window.topics:
                self.topics[number] = b""
                agent.publisher.add_event("subscription_refused", {"topic": topic.decode()})

    def look_back(self):
        """See whether the last run left something to be told, without loading anything."""
        for path, at_rest in ((self.path, SIZE_AT_REST), (self.folder + "config.bad", None)):
            try:
                self.is_left = self.is_left or os.stat(path)[6] != at_rest
            except OSError:  # there is none
                pass

    async def _work(self):
        """Act upon all there is. What fails is tried again, later."""
        try:
            from firmware import commands

            await commands.work(self)
        except Exception as exc:
            self.log.error("downlink_failed", why=repr(exc))
            await self.agent.clock.sleep_ms(_LOOK_MS)

    def _let_go(self):
        if not self.queue:
            self.journal = None
        for name in _ON_DEMAND.split():
            unload(name)
