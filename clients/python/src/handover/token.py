"""The token of a client, which each of its calls has in its metadata."""

from __future__ import annotations

from typing import Any

import grpc

from handover.retry import changed


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
