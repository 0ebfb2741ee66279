// What is repeated, after which pause, and for how long.
import { create, type DescMessage, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { problem } from "./errors.js";

/**
 * How patient a client is, in milliseconds.
 *
 * Between two attempts it pauses for a time that is drawn between nothing and a bound, which doubles from attempt to attempt: many
 * clients that failed together do not come back together. If the server asks to wait, that comes on top.
 */
export interface Retry {
  /** Gives up when so much time has passed since the first attempt began. */
  within: number;
  /** The deadline of one attempt, unless the call has its own. */
  attempt: number;
  firstPause: number;
  longestPause: number;
}

export const RETRY: Retry = { within: 60_000, attempt: 10_000, firstPause: 50, longestPause: 5_000 };

/** How the methods begin that change nothing, so that repeating them has no second effect. */
const READING = /^(Get|List|Count|Explain|Reconcile)/;

/** The pause after so many failed attempts in a row, from 1. */
export function pauseAfter(retry: Retry, failed: number, asked = 0): number {
  const bound = Math.min(retry.firstPause * 2 ** Math.min(failed - 1, 30), retry.longestPause);
  return asked + bound * Math.random();
}

/** Waits; a signal ends that at once. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}

/** The request, with a request id if it takes one, and whether it can be repeated without a second effect. */
function identified<I extends DescMessage>(
  method: DescMethodUnary<I>,
  input: MessageInitShape<I>,
): [MessageShape<I>, boolean] {
  const message = create(method.input, input);
  if (!method.input.fields.some((field) => field.name === "request_id")) return [message, READING.test(method.name)];
  // The caller's message stays as it is.
  const { requestId } = message as { requestId?: string };
  return [{ ...message, requestId: requestId || crypto.randomUUID() }, true];
}

/** Addresses that no other machine sees calls to. */
const LOOPBACK = /^http:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?\/?$/;

/** How tokens look: those of `handover token create`, and JWTs. */
const TOKEN = /^(hdo_[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2})$/;

/** The token without the space around it. What is no token is refused, and the error does not have it. */
export function checkedToken(text: string, what = "what was given as the token"): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  const looks = "that begins with hdo_, and 43 letters, digits, - and _ follow; or it is a JWT";
  throw new Error(`${what} is no token: ${looks}${token ? "" : "; this is empty"}`);
}

/** Refuses what is no address, and to send a token in plain text: it leaves the machine by TLS only. */
export function checkServer(server: string, token: string | undefined): void {
  if (!/^https?:\/\/[^\s/]+/.test(server)) {
    throw new Error(`${JSON.stringify(server)} is no address: an address begins with http:// or https://`);
  }
  if (!token || server.startsWith("https://") || LOOPBACK.test(server)) return;
  throw new Error(`${server}: a token would be sent in plain text; the address of a server with TLS begins with https://`);
}

/** Makes of an error what says more, where a look at the server can tell. */
export type Diagnosis = (error: unknown) => Promise<unknown>;

/** A transport that gives each write a request id and each attempt a deadline, adds the token, and repeats what is worth it. */
export function repeating(
  transport: Transport,
  retry: Retry,
  token: string | undefined,
  diagnosed: Diagnosis = (error) => Promise.resolve(error),
): Transport {
  const headers = (given: HeadersInit | undefined) => {
    const all = new Headers(given);
    if (token) all.set("authorization", `Bearer ${token}`);
    return all;
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const [message, repeatable] = identified(method, input);
      const until = Date.now() + retry.within;
      for (let failed = 1; ; failed += 1) {
        try {
          const timeout = Math.min(timeoutMs ?? retry.attempt, Math.max(until - Date.now(), 1));
          const request = message as MessageInitShape<typeof method.input>;
          return await transport.unary(method, signal, timeout, headers(header), request, contextValues);
        } catch (failure) {
          const error = await diagnosed(failure);
          const found = problem(error);
          const pause = pauseAfter(retry, failed, found.retryAfter);
          if (signal?.aborted || !found.passes(repeatable) || Date.now() + pause > until) throw error;
          await sleep(pause, signal);
        }
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      try {
        return await transport.stream(method, signal, timeoutMs, headers(header), input, contextValues);
      } catch (failure) {
        throw await diagnosed(failure);
      }
    },
  };
}
