"""The token of a client, which each of its calls has in its metadata."""

from __future__ import annotations

import re
from typing import Any

import grpc

from handover.retry import changed


TOKEN = re.compile(r"hdo_[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")


def checked(text: str, what: str) -> str:
    """A token, without the space around it. What is no token is refused, and the error does not have it."""
    token = text.strip()
    if not TOKEN.fullmatch(token):
        raise ValueError(
            f"{what} is no token: that begins with hdo_, and 43 letters, digits, - and _ follow; or it is a JWT"
            + ("" if token else "; this is empty")
        )
    return token


class WithToken(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds the token to each call, of whatever kind."""

    def __init__(self, token: str) -> None:
        self.more = [("authorization", f"Bearer {token}")]

    def _call(self, continuation: Any, details: grpc.ClientCallDetails, request: Any) -> Any:
        return continuation(changed(details, details.timeout, self.more), request)

    def intercept_unary_unary(self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any) -> Any:
        """One request, one answer."""
        return self._call(continuation, client_call_details, request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any) -> Any:
        """One request, a stream of answers."""
        return self._call(continuation, client_call_details, request)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request_iterator: Any
    ) -> Any:
        """A stream of requests, a stream of answers."""
        return self._call(continuation, client_call_details, request_iterator)
