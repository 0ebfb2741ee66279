"""What an error says: its reason, the fields that are wrong, and whether to try again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"
"""The entry of the trailers that has the encoded details."""


@dataclass(frozen=True)
class Problem:
    """An error of a call, taken apart."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    """What to do about it stands in errors.proto under this name. Empty: the error has not come from the server."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the reason is about."""
    fields: tuple[tuple[str, str], ...] = ()
    """Each field that is wrong, with what is wrong."""
    retry_after: float | None = None
    """The server wants so many seconds to pass before the next attempt."""

    @property
    def outcome_unknown(self) -> bool:
        """Whether the call may have had its effect: only the same request id can tell."""
        if self.reason in ("", "TRANSPORT"):
            return self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        return self.reason in ("OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED")

    def passes(self, repeatable: bool) -> bool:
        """Whether a later attempt may succeed. Not `repeatable`: a second attempt could have a second effect."""
        if self.retry_after is not None or self.reason == "NOT_READY":
            return True
        return repeatable and self.outcome_unknown

    def __str__(self) -> str:
        parts = [self.message, *(f"{name}: {text}" for name, text in self.fields)]
        return f"{self.code.name} {self.reason}: {'; '.join(parts)}"


class HistoryChanged(Exception):
    """The store was restored from a backup, and what was requested rests on a position beyond the branch.

    Undo what was made of events after `branch_position`, keep that position with the name `store`, and go on.
    """

    def __init__(self, found: Problem) -> None:
        super().__init__(str(found))
        self.problem = found
        self.store = found.metadata.get("store", "")
        """The present name of the store."""
        branch = found.metadata.get("branch_position")
        self.branch_position = None if branch is None else int(branch)
        """The last position up to which both histories are the same. None: it is not known."""


class NotConnected(grpc.RpcError):
    """The client and the server cannot talk as they are set up, as without TLS on one side. No repetition mends that; the message
    says what does.
    """

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.problem = found

    def code(self) -> grpc.StatusCode:
        """The code, as errors of gRPC have it."""
        return self.problem.code

    def details(self) -> str:
        """The message, as errors of gRPC have it."""
        return self.problem.message


def problem(error: grpc.RpcError) -> Problem:
    """Takes an error apart. Calls raise errors of gRPC, as its stubs do."""
    if isinstance(error, NotConnected):
        return error.problem
    if not isinstance(error, grpc.Call):
        return Problem(grpc.StatusCode.UNKNOWN, str(error))
    code = error.code() or grpc.StatusCode.UNKNOWN
    trailers = dict(error.trailing_metadata() or ())
    encoded = trailers.get(DETAILS, b"")
    status = status_pb2.Status.FromString(encoded if isinstance(encoded, bytes) else encoded.encode())
    info, wrong, again = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    retry_after = None
    for detail in status.details:
        if detail.Unpack(again):
            retry_after = again.retry_delay.ToTimedelta().total_seconds()
        elif not detail.Unpack(info):
            detail.Unpack(wrong)
    return Problem(
        code=code,
        message=error.details() or "",
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=tuple((it.field, it.description) for it in wrong.field_violations),
        retry_after=retry_after,
    )
