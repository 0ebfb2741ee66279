// Streams that go on where they were when the connection is lost or the server is started anew.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Client } from "./client.js";
import { lasting, Problem, problem } from "./errors.js";
import { type WatchCountryCountsResponse, WatchCountryCountsRequestSchema } from "./gen/handover/v1/count_service_pb.js";
import { SubscribeRequestSchema, type SubscribeResponse } from "./gen/handover/v1/event_store_service_pb.js";
import { WatchExchangeRequestSchema, type WatchExchangeResponse } from "./gen/handover/v1/exchange_service_pb.js";
import { pauseAfter, sleep } from "./retry.js";

/** Milliseconds after which a stream is given up. The server sends something every 20 s. */
const SILENCE = 60_000;

/** How a stream is followed. */
export interface Following {
  /** Ends the stream. */
  signal?: AbortSignal;
  /** Is called with each problem that passes, and the milliseconds until the next attempt. */
  interrupted?: (problem: Problem, pause: number) => void;
}

/** The answers of one call. A call that says nothing for too long is cancelled; the time that the caller takes does not count. */
async function* heard<T>(open: (signal: AbortSignal) => AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  const call = new AbortController();
  const stop = () => call.abort();
  signal?.addEventListener("abort", stop);
  let silent = false;
  const watch = () =>
    setTimeout(() => {
      silent = true;
      stop();
    }, SILENCE);
  let timer = watch();
  try {
    for await (const answer of open(call.signal)) {
      clearTimeout(timer);
      yield answer;
      timer = watch();
    }
  } catch (error) {
    throw silent ? new ConnectError(`the server said nothing for ${SILENCE / 1000} s`, Code.Unavailable) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** The answers of one call after the other, until the signal. A call that fails for good throws its error. */
async function* resumed<T>(
  client: Client,
  open: (signal: AbortSignal) => AsyncIterable<T>,
  { signal, interrupted }: Following,
): AsyncGenerator<T> {
  for (let failed = 1; !signal?.aborted; failed += 1) {
    let found = new Problem(Code.Unavailable, "the stream ended without an error");
    try {
      for await (const answer of heard(open, signal)) {
        failed = 0;
        yield answer;
      }
    } catch (error) {
      if (signal?.aborted) return;
      found = problem(error);
      if (!found.passes(true)) throw lasting(error, found);
    }
    failed = Math.max(failed, 1);
    const pause = pauseAfter(client.retry, failed, found.retryAfter);
    interrupted?.(found, pause);
    await sleep(pause, signal);
  }
}

/** The frames of a subscription, but for heartbeats. */
export async function* subscribe(
  client: Client,
  init: MessageInitShape<typeof SubscribeRequestSchema>,
  following: Following,
): AsyncGenerator<SubscribeResponse> {
  const request = create(SubscribeRequestSchema, init);
  const head = await client.log.getHead({});
  request.store ||= head.store;
  // "Now" stays where it was when the connection is lost before anything has come.
  if (request.start.case === "fromNow") request.start = { case: "afterPosition", value: head.position };
  for await (const answer of resumed(client, (signal) => client.log.subscribe(request, { signal }), following)) {
    const { frame } = answer;
    // After a restore of the store, the position goes on under another name.
    request.store = answer.store || request.store;
    if (frame.case === undefined) continue;
    yield answer;
    const value = frame.case === "events" ? frame.value.events.at(-1)?.position : frame.value.position;
    if (value !== undefined) request.start = { case: "afterPosition", value };
  }
}

/** The answers of a watch, those of one position together: to resume between them would lose some. */
export async function* watchCounts(
  client: Client,
  init: MessageInitShape<typeof WatchCountryCountsRequestSchema>,
  following: Following,
): AsyncGenerator<WatchCountryCountsResponse[]> {
  const request = create(WatchCountryCountsRequestSchema, init);
  request.store ||= await client.store();
  let together: WatchCountryCountsResponse[] = [];
  const open = (signal: AbortSignal) => {
    // What was begun comes again.
    together = [];
    return client.counts.watchCountryCounts(request, { signal });
  };
  for await (const answer of resumed(client, open, following)) {
    request.store = answer.store || request.store;
    if (answer.heartbeat) continue;
    together.push(answer);
    if (answer.more) continue;
    yield together;
    request.afterPosition = answer.position;
    together = [];
  }
}

/** The answers of a watch, but for heartbeats. */
export async function* watchExchange(
  client: Client,
  init: MessageInitShape<typeof WatchExchangeRequestSchema>,
  following: Following,
): AsyncGenerator<WatchExchangeResponse> {
  const request = create(WatchExchangeRequestSchema, init);
  request.store ||= await client.store();
  const open = (signal: AbortSignal) => client.exchanges.watchExchange(request, { signal });
  for await (const answer of resumed(client, open, following)) {
    request.store = answer.store || request.store;
    if (answer.heartbeat) continue;
    yield answer;
    request.afterPosition = answer.position;
  }
}
