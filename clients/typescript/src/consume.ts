// Taking part in a consumer group. It needs both directions of a call at once, which pages do not have.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { Client } from "./client.js";
import { lasting, Problem, problem } from "./errors.js";
import { type ConsumeRequestSchema, NackAction } from "./gen/handover/v1/consumer_group_service_pb.js";
import type { RecordedEvent } from "./gen/handover/v1/event_store_service_pb.js";
import { pauseAfter, sleep } from "./retry.js";
import type { Following } from "./streams.js";

/** How a consumer takes part. */
export interface Consuming extends Following {
  /** So many events may wait here; 16 if it is not given. */
  credit?: number;
  /** An event that takes longer, in milliseconds, goes to another consumer; an hour if it is not given. */
  longest?: number;
}

const ACTIONS = { park: NackAction.PARK, skip: NackAction.SKIP, retry: NackAction.RETRY };

/** Thrown for an event that could not be handled, while the group goes on: it is parked, skipped, or tried again. */
export class NotHandled extends Error {
  constructor(
    reason: string,
    readonly action: keyof typeof ACTIONS = "park",
  ) {
    super(reason);
  }
}

/** What `handle` threw, apart from how a call ends. */
class Thrown {
  constructor(readonly error: unknown) {}
}

type Said = MessageInitShape<typeof ConsumeRequestSchema>;

/** What is to be said in a call, in order. */
class Saying {
  private readonly waiting: Said[] = [];
  private ended = false;
  private wake = () => {};

  say(what: Said): void {
    this.waiting.push(what);
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Said> {
    for (;;) {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift()) yield next;
      if (this.ended) return;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Handles a delivery and answers it, with credit for one more. Every third of a lease it names the delivery. */
async function deal(
  saying: Saying,
  delivery: bigint,
  event: RecordedEvent,
  handle: (event: RecordedEvent) => Promise<void> | void,
  { lease, longest }: { lease: number; longest: number },
): Promise<void> {
  const until = Date.now() + longest;
  // This keeps the events that wait here as well.
  const timer = setInterval(() => Date.now() < until && saying.say({ working: [delivery] }), lease / 3);
  try {
    await handle(event);
    saying.say({ acks: [delivery], credit: 1n });
  } catch (error) {
    if (!(error instanceof NotHandled)) throw error;
    saying.say({ nacks: [{ delivery, action: ACTIONS[error.action], reason: error.message }], credit: 1n });
  } finally {
    clearInterval(timer);
  }
}

/** One call, which counts its deliveries. It throws the call's error, or `Thrown`. */
async function call(
  client: Client,
  first: Said,
  handle: (event: RecordedEvent) => Promise<void> | void,
  times: { lease: number; longest: number },
  dealt: { deliveries: number },
  signal?: AbortSignal,
): Promise<void> {
  const saying = new Saying();
  const own = new AbortController();
  const stop = () => own.abort();
  signal?.addEventListener("abort", stop);
  const withdrawn = new Set<bigint>();
  let thrown: Thrown | undefined;
  // One delivery after the other. The call is read on meanwhile, because what waits may be withdrawn.
  let work = Promise.resolve();
  const begin = async (delivery: bigint, event: RecordedEvent) => {
    if (own.signal.aborted) return;
    dealt.deliveries += 1;
    // What was withdrawn comes anew, here or elsewhere.
    if (withdrawn.delete(delivery)) saying.say({ credit: 1n });
    else await deal(saying, delivery, event, handle, times);
    withdrawn.delete(delivery);
  };
  const failed = (error: unknown) => {
    thrown ??= new Thrown(error);
    stop();
  };
  saying.say(first);
  try {
    for await (const answer of client.groups.consume(saying, { signal: own.signal })) {
      answer.withdrawn.forEach((delivery) => withdrawn.add(delivery));
      answer.events.forEach((event, index) => {
        const delivery = answer.firstDelivery + BigInt(index);
        work = work.then(() => begin(delivery, event)).catch(failed);
      });
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
    saying.end();
    await work;
    // What `handle` threw goes before the end of the call, which it has caused.
    if (thrown) throw thrown;
  }
}

/**
 * Takes part in a consumer group until the signal: `handle` gets one event after the other. It throws `NotHandled` for an event to be
 * parked, skipped or tried again; another error ends the call. Work that blocks the thread keeps its event from being named.
 */
export async function consume(
  client: Client,
  group: string,
  consumer: string,
  handle: (event: RecordedEvent) => Promise<void> | void,
  { credit = 16, longest = 3_600_000, signal, interrupted }: Consuming = {},
): Promise<void> {
  // A group of that name in another store is another group, so that one is refused. So is a restored store, where the positions by
  // which `handle` knows repeated events are of other events.
  const first = { group, consumer, credit: BigInt(credit), store: await client.store() };
  const [found] = (await client.groups.listGroups({ name: group })).groups;
  const lease = found?.settings?.lease ? durationMs(found.settings.lease) : 30_000;
  for (let failed = 1; !signal?.aborted; failed += 1) {
    const dealt = { deliveries: 0 };
    let ended = new Problem(Code.Unavailable, "the call ended without an error");
    try {
      await call(client, first, handle, { lease, longest }, dealt, signal);
    } catch (error) {
      if (error instanceof Thrown) throw error.error;
      if (signal?.aborted) return;
      ended = problem(error);
      if (!ended.passes(true)) throw lasting(error, ended);
    }
    if (dealt.deliveries > 0) failed = 1;
    const pause = pauseAfter(client.retry, failed, ended.retryAfter);
    interrupted?.(ended, pause);
    await sleep(pause, signal);
  }
}
