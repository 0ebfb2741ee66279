"""A client that shares no code with the server: stubs from proto/, Google's own gRPC."""

import uuid

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status


@pytest.fixture
def api(stubs):
    """The generated modules."""
    from handover.v1 import (
        common_pb2,
        count_service_pb2,
        count_service_pb2_grpc,
        errors_pb2,
        event_store_service_pb2,
        event_store_service_pb2_grpc,
        events_pb2,
        transfer_service_pb2,
        transfer_service_pb2_grpc,
    )

    class Api:
        common = common_pb2
        counts = count_service_pb2
        counts_grpc = count_service_pb2_grpc
        errors = errors_pb2
        store = event_store_service_pb2
        store_grpc = event_store_service_pb2_grpc
        events = events_pb2
        transfers = transfer_service_pb2
        transfers_grpc = transfer_service_pb2_grpc

    return Api


def transfer(api, exchange, number):
    """A completed transfer to Germany."""
    return api.events.TransferCompleted(
        attribution=api.common.Attribution(source_id="demo-source"),
        leg=api.common.Leg(exchange_id=exchange, to=["DE"], unit=api.common.UNIT_PERSON),
        count=api.common.Count(value=number),
    )


def append_request(api, *numbers, **keywords):
    """An append of transfers in one exchange."""
    events = [api.store.NewEvent() for _ in numbers]
    for event, number in zip(events, numbers):
        event.payload.Pack(transfer(api, "demo-1", number))
    write = api.store.StreamWrite(stream="exchange/demo-1", events=events, **keywords)
    return api.store.AppendRequest(request_id=str(uuid.uuid4()), writes=[write])


def error_info(error):
    """The one ErrorInfo that every error carries."""
    status = rpc_status.from_call(error)
    infos = []
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            infos.append(info)
    assert len(infos) == 1, status
    return infos[0], status


def test_appends_reads_and_subscribes(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    answer = store.Append(append_request(api, 13, 10))
    assert (answer.first_position, answer.last_position) == (1, 2)
    assert answer.revisions["exchange/demo-1"] == 2

    filtered = api.store.Filter(items=[api.store.FilterItem(tags=["to:DE"])])
    batches = list(store.Read(api.store.ReadRequest(filter=filtered)))
    read = [event for batch in batches for event in batch.events]
    assert [event.position for event in read] == [1, 2]
    payload = api.events.TransferCompleted()
    assert read[0].payload.Unpack(payload)
    assert payload == transfer(api, "demo-1", 13)
    assert batches[-1].position == 2

    frames = store.Subscribe(api.store.SubscribeRequest(after_position=1))
    assert [event.position for event in next(frames).events.events] == [2]
    assert next(frames).caught_up.position == 2
    store.Append(append_request(api, 3))
    assert [event.position for event in next(frames).events.events] == [3]
    frames.cancel()


def test_a_repeated_request_id_returns_the_first_answer(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    request = append_request(api, 13)
    first = store.Append(request)
    again = store.Append(request)
    assert again.duplicate and again.first_position == first.first_position
    assert again.revisions == first.revisions
    request.writes[0].events[0].metadata["changed"] = "yes"
    with pytest.raises(grpc.RpcError) as error:
        store.Append(request)
    assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert error_info(error.value)[0].reason == "REQUEST_ID_REUSED"
    assert store.GetHead(api.store.GetHeadRequest()).position == 1


def test_a_conflict_shows_expected_and_actual(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    store.Append(append_request(api, 13))
    with pytest.raises(grpc.RpcError) as error:
        store.Append(append_request(api, 14, expected_revision=0))
    assert error.value.code() == grpc.StatusCode.ABORTED
    info, status = error_info(error.value)
    assert info.reason == "APPEND_CONFLICT"
    conflict = api.errors.AppendConflict()
    assert any(detail.Unpack(conflict) for detail in status.details)
    assert conflict.revisions[0].expected_revision == 0
    assert conflict.revisions[0].actual_revision == 1


@pytest.mark.parametrize("script", ["a", "\u4e2d", "\U0001f54a"])
def test_a_conflict_over_many_streams_is_still_a_conflict(api, server, script):
    """gRPC's C library takes 8 KiB of trailers, and calls more of them a shortage."""
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    streams = 200
    request = api.store.AppendRequest(request_id=str(uuid.uuid4()))
    for number in range(streams):
        stream = f"x/{number}-" + script * 60
        write = request.writes.add(stream=stream, expected_revision=7)
        write.events.add().payload.type_url = "type.googleapis.com/demo.v1.Noted"
    with pytest.raises(grpc.RpcError) as error:
        store.Append(request)
    assert error.value.code() == grpc.StatusCode.ABORTED, error.value
    info, status = error_info(error.value)
    assert info.reason == "APPEND_CONFLICT"
    conflict = api.errors.AppendConflict()
    assert any(detail.Unpack(conflict) for detail in status.details)
    assert conflict.revisions
    assert len(conflict.revisions) + int(info.metadata["revisions_not_listed"]) == streams


def test_headers_that_are_too_large_are_reported_as_a_limit(api, server):
    counts = api.counts_grpc.CountServiceStub(server.channel())
    with pytest.raises(grpc.RpcError) as error:
        counts.GetCountryCounts(api.counts.GetCountryCountsRequest(), metadata=[("x-note", "a" * 20_000)])
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT, error.value
    info, status = error_info(error.value)
    assert info.reason == "LIMIT_EXCEEDED"
    assert "16384" in status.message


def test_pipelined_appends_are_answered_in_order(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    requests = [append_request(api, number) for number in range(1, 101)]
    requests[50].writes[0].stream = "nowhere"
    wrapped = (api.store.AppendStreamRequest(append=request) for request in requests)
    answers = list(store.AppendStream(wrapped))
    assert len(answers) == 100
    assert answers[50].rejection.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    positions = [answer.appended.first_position for answer in answers if answer.HasField("appended")]
    assert positions == list(range(1, 100))


def test_a_bad_party_is_named_by_its_field(api, server):
    transfers = api.transfers_grpc.TransferServiceStub(server.channel())
    completed = transfer(api, "demo-1", 13)
    completed.leg.to[0] = "Germany"
    with pytest.raises(grpc.RpcError) as error:
        transfers.RecordTransfer(api.transfers.RecordTransferRequest(completed=completed))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, status = error_info(error.value)
    assert info.reason == "INVALID_FIELD"
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert [violation.field for violation in bad.field_violations] == ["completed.leg.to[0]"]


def test_who_went_where_in_the_ankara_exchange(api, ankara):
    counts = api.counts_grpc.CountServiceStub(ankara.channel())
    rows = counts.GetCountryCounts(api.counts.GetCountryCountsRequest()).counts
    received = {row.country: row.received.preferred for row in rows if row.HasField("received")}
    assert received == {"DE": 13, "RU": 10, "US": 3}
    (russia,) = [row for row in rows if row.country == "RU"]
    assert russia.received.of_which.minors.low == russia.received.of_which.minors.high == 2
    origins = {row.country for row in rows if row.HasField("sent")}
    assert origins == {"US", "DE", "PL", "SI", "NO", "RU", "BY"}
    for row in rows:
        if row.HasField("sent"):
            assert not row.sent.HasField("low") and not row.sent.HasField("preferred")
            assert (row.sent.shared.legs, row.sent.shared.at_most) == (3, 26)


def test_a_request_larger_than_any_append_is_refused_by_its_size(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    request = append_request(api, 13)
    request.writes[0].events[0].metadata["large"] = "x" * (9 << 20)
    with pytest.raises(grpc.RpcError) as error:
        store.Append(request)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, status = error_info(error.value)
    assert info.reason == "LIMIT_EXCEEDED"
    refused = error_details_pb2.BadRequest()
    assert any(detail.Unpack(refused) for detail in status.details)
    (violation,) = refused.field_violations
    assert violation.field == "request" and str(8 << 20) in violation.description
    assert store.GetHead(api.store.GetHeadRequest()).position == 0


def test_a_client_may_compress(api, server):
    channel = grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip)
    store = api.store_grpc.EventStoreServiceStub(channel)
    assert store.Append(append_request(api, 13, 10)).last_position == 2
    read = [event for batch in store.Read(api.store.ReadRequest()) for event in batch.events]
    assert [event.position for event in read] == [1, 2]


def test_health_says_serving_for_each_service(stubs, server):
    health = health_pb2_grpc.HealthStub(server.channel())
    for service in ["", "handover.v1.EventStoreService", "handover.v1.CountService"]:
        answer = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_deadline_that_passes_is_called_so(api, server):
    store = api.store_grpc.EventStoreServiceStub(server.channel())
    with pytest.raises(grpc.RpcError) as error:
        store.GetHead(api.store.GetHeadRequest(min_position=99), timeout=0.3)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_an_unknown_method_carries_an_error_info(server):
    call = server.channel().unary_unary("/handover.v1.EventStoreService/Delete")
    with pytest.raises(grpc.RpcError) as error:
        call(b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error_info(error.value)[0].reason == "UNIMPLEMENTED"
