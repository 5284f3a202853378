"""The sandbox's own logins at its broker."""

import ssl
from dataclasses import dataclass

import aiomqtt

_TIMEOUT_S = 5


@dataclass(frozen=True)
class Account:
    """Where the broker is and who we are there; the client id is the user name."""

    host: str
    port: int
    username: str
    password: str
    tls: ssl.SSLContext

    def client(self, clean_session: bool) -> aiomqtt.Client:
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            identifier=self.username,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=clean_session,
            timeout=_TIMEOUT_S,
            tls_context=self.tls,
        )
