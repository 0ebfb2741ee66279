"""Connections that fail for good: one side speaks TLS and the other does not, or one does not trust the other.

gRPC reports them as UNAVAILABLE, as it reports a server that is not there yet. To repeat the call would only hide for a minute what
has to be mended, so the reason is looked for at once.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

import grpc

from handover.channel import Tls, parsed
from handover.errors import NotConnected, Problem

PATIENCE = 2.0
"""Seconds that each step of a look at the server may take."""
SPEAKS_TLS = "the server speaks TLS, so its address has to begin with https://"
SPEAKS_NO_TLS = "the server does not speak TLS, so its address has to begin with http://"
REPORTED = {
    "WRONG_VERSION_NUMBER": SPEAKS_NO_TLS,
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate is not trusted; HANDOVER_TLS_CA or Tls.ca names the authority that issued it",
    "Hostname Verification Check failed": "the server's certificate has another name than the address",
}
"""What gRPC says of handshakes that fail, and what to do."""
NO_CERTIFICATE = "the server requires a certificate that it trusts; HANDOVER_TLS_CERT and HANDOVER_TLS_KEY, or Tls, name it with its key"


@dataclass(frozen=True)
class Handshake:
    """How a client speaks to its server."""

    server: str
    tls: Tls

    def check(self, found: Problem, error: BaseException | None) -> None:
        """Raises `NotConnected` if a call has failed in a way that no repetition mends."""
        if found.code is not grpc.StatusCode.UNAVAILABLE or found.reason:
            return
        said = next((advice for text, advice in REPORTED.items() if text in found.message), None)
        advice = said or self._look()
        if advice:
            message = f"{self.server}: {advice}" + (f" ({found.message})" if found.message else "")
            raise NotConnected(Problem(grpc.StatusCode.FAILED_PRECONDITION, message)) from error

    def _look(self) -> str | None:
        """What a TLS handshake with the server shows. A server that is not there shows nothing."""
        scheme, address = parsed(self.server)
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as connection:
                alert = self._alert(connection, scheme == "https")
        except (OSError, ValueError):
            return None
        if scheme != "https":
            return SPEAKS_TLS if alert is None or "ALERT" in alert else None
        refused = alert is not None and "ALERT" in alert and ("CERT" in alert or "UNKNOWN_CA" in alert)
        return NO_CERTIFICATE if refused else None

    def _alert(self, connection: socket.socket, secure: bool) -> str | None:
        """Why a handshake fails; none if it does not. No certificate is sent to a server that is not verified."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        if not secure:
            context.verify_mode = ssl.CERT_NONE
        elif self.tls.ca:
            context.load_verify_locations(self.tls.ca)
        else:
            context.load_default_certs()
        if self.tls.cert and self.tls.key:
            context.load_cert_chain(self.tls.cert, self.tls.key)
        try:
            with context.wrap_socket(connection) as speaking:
                if secure:
                    # In TLS 1.3 the server looks at a certificate after the client's part is done.
                    speaking.recv(1)
        except ssl.SSLError as error:
            return error.reason or str(error)
        return None
