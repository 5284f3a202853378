"""What umqtt.simple takes for the module ussl, which this port lacks. It verifies, as we do."""

import tls


class Ussl:
    def __init__(self, ca, host):
        self._context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        self._context.verify_mode = tls.CERT_REQUIRED
        with open(ca, "rb") as file:
            self._context.load_verify_locations(file.read())
        self._host = host

    def wrap_socket(self, sock):
        return self._context.wrap_socket(sock, server_hostname=self._host)
