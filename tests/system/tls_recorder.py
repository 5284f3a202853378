"""A TLS server that answers a login, and keeps what came over the wire, byte by byte."""

import contextlib
import socket
import ssl
import threading
import warnings

APPLICATION_DATA = 23
CONNACK = b"\x20\x02\x00\x00"


class Recorder:
    """Listens on a free port. As a rule TLS 1.2, where a record's type is not disguised."""

    def __init__(self, certificate=None, key=None, greeting=b"", only=ssl.TLSVersion.TLSv1_2):
        """Without a certificate it is a server that knows no TLS and says greeting.

        only is the one version of TLS that it speaks.
        """
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with warnings.catch_warnings():  # the versions that nobody should speak any more
                warnings.simplefilter("ignore", DeprecationWarning)
                self._context.minimum_version = self._context.maximum_version = only
            if only < ssl.TLSVersion.TLSv1_2:
                self._context.set_ciphers("ALL:@SECLEVEL=0")
            self._context.load_cert_chain(certificate, key)
        self._greeting = greeting
        self.raw = []  # per connection, the bytes that came
        self.plain = []  # per connection, what they were after decryption
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def application_records(self):
        """Return how many records of application data came over all connections."""
        return sum(_count(raw) for raw in self.raw)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        raw, plain = bytearray(), bytearray()
        self.raw.append(raw)
        self.plain.append(plain)
        connection.settimeout(20)
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            if self._context is None:
                connection.sendall(self._greeting)
                while data := connection.recv(4096):
                    raw += data
                return
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
            while True:
                try:
                    self._step(tls, plain)
                finally:  # an alert, too
                    if outgoing.pending:
                        connection.sendall(outgoing.read())
                data = connection.recv(4096)
                if not data:
                    return
                raw += data
                incoming.write(data)

    def _step(self, tls, plain):
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
            had = len(plain)
            while data := tls.read(4096):
                plain += data
                if not had:
                    tls.write(CONNACK)
                    had = len(plain)


def _count(raw):
    at = count = 0
    while at + 5 <= len(raw):
        count += raw[at] == APPLICATION_DATA
        at += 5 + int.from_bytes(raw[at + 3 : at + 5], "big")
    return count
