"""The session cancelled at every step of any task, on a whole network and on one that fails.

session_cancel.py SHARE SHARES SEED: tries each SHARES-th step, from SHARE on, and each of them
once more with a link that is cut somewhere.
"""

import asyncio
import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from asyncio import core

from session_cut import WAYS
from session_story import KINDS, Session, Story, Tally

from fakes.flaky_socket import DOWN, UP, Cut


class Deaf(Session):
    """Planted: whoever cancels it believes that it has ended, and it goes on."""

    async def run(self):
        while True:
            try:
                await super().run()
            except asyncio.CancelledError:
                pass


class Lingering(Session):
    """Planted: the tasks of a link outlive it."""

    def _close(self):
        self._tasks = ()
        super()._close()


class Cancelling(Story):
    """Cancels one task at one step, and sees that everything arrives all the same."""

    def __init__(self, kind, step, whom, session=Session):
        super().__init__(*kind, session=session)
        self.steps = 0  # there have been so many while there was somebody to cancel
        self._step = step
        self._whom = whom
        self._turn = None  # set when there is something to see to
        self._victim = None
        self.is_done = False
        self.wrong = []

    def count(self):
        if self._victim.done():
            return
        self.steps += 1
        if self.steps == self._step:
            self.is_done = True
            core.cur_task = None  # the last one has had its step: nobody cancels himself here
            self._victim.cancel()
            self._turn.set()

    async def _play(self):
        await self.play()
        await self.leave()
        self._turn.set()

    async def _bystand(self):
        """Call what waits for an answer, and may be given up at any time."""
        session = self.session
        await session.subscribe(b"d/config", 1)
        await session.publish(b"d/events", b"two", False, 1)
        await session.publish(b"d/events", b"three", False, 0)
        await session.publish(b"d/events", b"four", True, 1)

    async def main(self):
        self._turn = asyncio.Event()
        self.start()
        player = asyncio.create_task(self._play())
        self._victim = self.task
        if self._whom == "caller":
            self._victim = asyncio.create_task(self._bystand())
        self.time.on_step = self.count
        await self._turn.wait()
        self.time.on_step = None
        if self.is_done and self._whom == "run":
            await self.ended()
            await self.time.sleep_ms(10)
            self.wrong = self.leftovers([player] + self.callers)
            self.start()
        await player
        await self.stop()

    def result(self):
        wrong = self.tell(self.main())
        return self.wrong + wrong


def steps(kind, whom):
    """Return how many steps there are at which somebody can be cancelled."""
    story = Cancelling(kind, 0, whom)
    wrong = story.result()
    assert not wrong, wrong
    return story.steps


def sweep(kinds, share, shares, rng, tally, session=Session, targets=("run", "caller")):
    at = 0
    for kind in kinds:
        for whom in targets:
            for step in range(1, steps(kind, whom) + 1):
                at += 1
                if at % shares != share or tally.is_over:
                    continue
                name = "%s, %s cancelled at step %d" % (kind, whom, step)
                try_out(Cancelling(kind, step, whom, session), name, tally)
                cut = rng.choice((UP, DOWN)), rng.randrange(250), rng.choice(WAYS)
                story = Cancelling(kind, step, whom, session)
                story.net.cuts = [Cut(*cut)]
                try_out(story, "%s, cut %s %d by %s" % ((name,) + cut), tally)


def try_out(story, name, tally):
    """Run it; one in which the step was not reached was none."""
    wrong = story.result()
    if story.is_done or wrong:
        tally.add(name, wrong)


def planted(share, shares):
    """Return whether sessions with a fault are found out."""
    caught = []
    for session in (Deaf, Lingering):
        tally = Tally(1)
        sweep([(True, False, 9)], share, shares, random, tally, session, ("run",))
        caught.append(tally.failed > 0)
    return all(caught)


def main(share, shares, seed):
    random.seed(seed)
    tally = Tally()
    sweep(KINDS, share, shares, random, tally)
    tally.tell(planted(0, 10))


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
