"""A TCP proxy that does to a connection what a bad network or a bad peer does.

    with FaultProxy(("127.0.0.1", broker_port)) as proxy:
        proxy.delay_s = 0.025                           # each way, from now on
        proxy.plan = Cut("down", after=4, how="reset")  # for the connections that come next
        proxy.forget()                                  # those there are now

"up" is from the client to the target, "down" the way back. A plan is None or one of those in
faultplan.py; a connection keeps the plan it began with until its own `plan` is set.

The delay is a queue of (when, bytes): it neither reorders nor limits the throughput, and each
piece leaves as it was read, without Nagle's algorithm. The client's own connect is answered by
this machine's kernel: it is not delayed, and it succeeds even in a black hole, so an opening
that is timed through the proxy lacks one round trip.
"""

import asyncio
import contextlib
import selectors
import socket
import struct
import threading
import time

from faultplan import Cut, Dribble, Mute, StopReading

_PIECE = 65536
_MOST_PIECES = 1024  # under way in one direction; a sender that is faster has to wait
_SMALL_BUFFER = 4096
_AT_ONCE = struct.pack("ii", 1, 0)  # to linger for no time: close() sends an RST
_POLL_S, _CALL_S = 0.01, 10


class Way:
    """One direction of a connection; came is what was read, bytes and pieces what got through."""

    def __init__(self, name):
        self.name = name
        self.came = self.bytes = self.pieces = 0
        self.source = self.sink = None
        self.queue = asyncio.Queue(_MOST_PIECES)  # (when, bytes); b"" is a FIN, None an RST


class Connection:
    """What one client is served by. Its plan may be set, and end() called, from any thread."""

    def __init__(self, proxy, client):
        self.plan = proxy.plan
        self.up = Way("up")
        self.down = Way("down")
        self.ended = ""  # how the proxy ended it: "close", "reset" or "silence"
        self.record = []  # (monotonic s, direction, bytes) of each piece, if the proxy records
        self._proxy = proxy
        self._gone = asyncio.Event()
        self._client = self.up.source = self.down.sink = self._prepared(client, self.up)
        self._server = self.up.sink = self.down.source = self._prepared(socket.socket(), self.down)

    def end(self, how):
        """End it now, as a Cut does."""
        self._proxy.call(self._end, how)

    async def run(self):
        """Serve it until both sides are gone."""
        serving = asyncio.ensure_future(self._serve())
        serving.add_done_callback(lambda _: self._gone.set())
        try:
            await self._gone.wait()
        finally:
            # A socket is closed when nothing waits for it any more: its number is used again.
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            self.close()

    def close(self):
        for sock in (self._client, self._server):
            if self.ended == "reset" and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            sock.close()

    async def _serve(self):
        await self._proxy.open.wait()
        try:
            await asyncio.get_running_loop().sock_connect(self._server, self._proxy.target)
        except OSError:  # nobody is there
            self._end("reset")
            return
        both = self.up, self.down
        for way in both:
            self._is_over(way)
        await asyncio.gather(*map(self._read, both), *map(self._write, both))

    async def _read(self, way):
        """Take what the sender says, to its end."""
        loop = asyncio.get_running_loop()
        data = True
        while data:
            try:
                data = await loop.sock_recv(way.source, await self._readable(way))
            except OSError:
                data = None
            way.came += len(data or b"")
            await way.queue.put((loop.time() + self._proxy.delay_s, data))

    async def _readable(self, way):
        """Return how many bytes may be read, as soon as any may."""
        while True:
            stop = self._fault(way, StopReading)
            size = stop.after - way.came if stop else _PIECE
            if size > 0:
                return min(size, _PIECE)
            await asyncio.sleep(_POLL_S)

    async def _write(self, way):
        """Pass on what the sender said, when its time has come."""
        loop = asyncio.get_running_loop()
        data = True
        while data:
            when, data = await way.queue.get()
            if when > loop.time():
                await asyncio.sleep(when - loop.time())
            await self._proxy.open.wait()
            rest = data
            while not self._is_over(way) and rest:
                rest = await self._pass(way, rest)
        if data is None and not self.ended:
            self._end("reset")
        elif not self.ended and not self._fault(way, Mute):
            with contextlib.suppress(OSError):
                way.sink.shutdown(socket.SHUT_WR)

    async def _pass(self, way, data):
        """Let through what the plan allows of a piece; return the rest."""
        fault = self._fault(way, Cut, Mute, Dribble)
        size = max(fault.after - way.bytes, 0) if fault else len(data)
        if not size and isinstance(fault, Mute):
            return b""
        if not size:
            await asyncio.sleep(fault.every_s)
        await self._send(way, data[: size or 1])
        return data[size or 1 :]

    async def _send(self, way, piece):
        way.bytes += len(piece)
        way.pieces += 1
        if self._proxy.is_recording:
            self.record.append((time.monotonic(), way.name, piece))
        try:
            await asyncio.get_running_loop().sock_sendall(way.sink, piece)
        except OSError:
            self._end("reset")

    def _is_over(self, way):
        """Cut the connection if that is due; tell whether it has been ended."""
        cut = self._fault(way, Cut)
        if cut and way.bytes >= cut.after:
            self._end(cut.how)
        return bool(self.ended)

    def _end(self, how):
        if self.ended in ("", "silence"):
            self.ended = how
        if self.ended == "reset":
            self._gone.set()
        elif self.ended == "close":  # what comes now is read and dropped: closing would reset
            for sock in (self._client, self._server):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)

    def _fault(self, way, *kinds):
        """Return the plan if it is of these kinds and about this way, else None."""
        plan = self.plan
        return plan if isinstance(plan, kinds) and plan.direction == way.name else None

    def _prepared(self, sock, way):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._fault(way, StopReading):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        return sock


class FaultProxy:
    """Listens on 127.0.0.1 while in its `with`, in a thread of its own."""

    def __init__(self, target, port=0, record=False):
        """target is (host, port); port 0 takes a free one; record keeps all that got through."""
        self.target = target
        self.port = port
        self.delay_s = 0.0
        self.plan = None
        self.is_recording = record
        self.connections = []
        self.open = asyncio.Event()
        # select() waits to the microsecond, epoll to the millisecond: too coarse for a delay.
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._thread.start()
        self.heal()
        asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_CALL_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()
        self._listener.close()

    def forget(self):
        """Let all present connections be dead, both ways, and tell nobody; new ones work."""
        for connection in list(self.connections):
            connection.end("silence")

    def black_hole(self):
        """Let nothing through, of new connections neither; what comes is held until heal()."""
        self.call(self.open.clear)

    def heal(self):
        """Pass on what a black hole held back, as TCP does when the network is there again."""
        self.call(self.open.set)

    def call(self, function, *arguments):
        """Have the proxy's thread call a function, and wait until it has."""

        async def called():
            function(*arguments)

        asyncio.run_coroutine_threadsafe(called(), self._loop).result(_CALL_S)

    async def _accept(self):
        running = set()
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self.connections.append(Connection(self, client))
            task = asyncio.ensure_future(self.connections[-1].run())
            running.add(task)
            task.add_done_callback(running.discard)

    async def _stop(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self.connections:  # one that came last may not have begun
            connection.close()
