"""A TLS server with a certificate of our choice that counts what is said after the handshake."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server:
    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.application_bytes = 0


@contextmanager
def tls_server(chain: Path, key: Path) -> Iterator[Server]:
    """Serve on a free port of localhost until the block ends; answers nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The newest that an ESP32 speaks.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    plain = listener.accept()[0]
                except OSError:
                    # The block has ended.
                    return
                server.connections += 1
                plain.settimeout(5)
                try:
                    with context.wrap_socket(plain, server_side=True) as link:
                        server.application_bytes += len(link.recv(4096))
                except OSError:
                    # The client did not like the certificate: what the test is about.
                    plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            # Closing alone does not wake a thread that accepts.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
