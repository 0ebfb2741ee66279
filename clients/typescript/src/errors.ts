// What an error says: its reason, the fields that are wrong, and whether to try again.
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** An error of a call, taken apart. */
export class Problem {
  constructor(
    readonly code: Code,
    readonly message: string,
    /** What to do about it stands in errors.proto under this name. Empty: the error has not come from the server. */
    readonly reason = "",
    /** What the reason is about. */
    readonly metadata: Record<string, string> = {},
    /** Each field that is wrong, with what is wrong. */
    readonly fields: { field: string; description: string }[] = [],
    /** The server wants so many milliseconds to pass before the next attempt. */
    readonly retryAfter: number | undefined = undefined,
  ) {}

  /** Whether the call may have had its effect: only the same request id can tell. */
  get outcomeUnknown(): boolean {
    if (this.reason === "" || this.reason === "TRANSPORT") {
      return this.code === Code.Unavailable || this.code === Code.DeadlineExceeded;
    }
    return this.reason === "OUTCOME_UNKNOWN" || this.reason === "DEADLINE_EXCEEDED";
  }

  /** Whether a later attempt may succeed. Not `repeatable`: a second attempt could have a second effect. */
  passes(repeatable: boolean): boolean {
    if (this.retryAfter !== undefined || this.reason === "NOT_READY") return true;
    return repeatable && this.outcomeUnknown;
  }

  toString(): string {
    const fields = this.fields.map(({ field, description }) => `${field}: ${description}`);
    return `${Code[this.code]} ${this.reason}: ${[this.message, ...fields].join("; ")}`;
  }
}

/**
 * The store was restored from a backup, and what was requested rests on a position beyond the branch. Undo what was made of events
 * after `branchPosition`, keep that position with the name `store`, and go on.
 */
export class HistoryChanged extends Error {
  /** The present name of the store. */
  readonly store: string;
  /** The last position up to which both histories are the same. Undefined: it is not known. */
  readonly branchPosition: bigint | undefined;

  constructor(
    readonly problem: Problem,
    cause?: unknown,
  ) {
    super(problem.toString(), { cause });
    const { store = "", branch_position: branch } = problem.metadata;
    this.store = store;
    this.branchPosition = branch === undefined ? undefined : BigInt(branch);
  }
}

/** The error that ends a stream for good: one of its own type where a program has to act on it. */
export function lasting(error: unknown, found: Problem): unknown {
  return found.reason === "HISTORY_CHANGED" ? new HistoryChanged(found, error) : error;
}

/** Codes that the libraries give to connections that end in the middle of a call. Each error of the server has a reason. */
const OF_CONNECTIONS = [Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown];
/** What Node calls certificates that are not trusted: no waiting makes them good. */
const UNTRUSTED = /CERT|SELF_SIGNED|SIGNATURE|ERR_TLS|ERR_SSL/;

/** The errors behind an error. */
export function* causes(error: unknown): Generator<{ name?: string; code?: string }> {
  for (let at = error; at instanceof Error; at = at.cause) yield at as { name?: string; code?: string };
}

/** Whether the connection failed or ended, and may come back. */
function isLost(error: ConnectError): boolean {
  const behind = [...causes(error.cause)];
  if (behind.some(({ code }) => typeof code === "string" && UNTRUSTED.test(code))) return false;
  // Browsers say no more than that a fetch failed.
  const failed = behind.some(({ name, code }) => name === "TypeError" || typeof code === "string");
  return failed || error.code === Code.Aborted || /trailer|premature|incomplete|http\/2 stream closed/.test(error.rawMessage);
}

/** Takes an error apart. Calls throw errors of Connect, as its clients do. */
export function problem(error: unknown): Problem {
  const found = ConnectError.from(error);
  const [info] = found.findDetails(ErrorInfoSchema);
  const [wrong] = found.findDetails(BadRequestSchema);
  const [again] = found.findDetails(RetryInfoSchema);
  const lost = !info && OF_CONNECTIONS.includes(found.code) && isLost(found);
  return new Problem(
    lost ? Code.Unavailable : found.code,
    found.rawMessage,
    info?.reason,
    info?.metadata,
    wrong?.fieldViolations,
    again?.retryDelay ? durationMs(again.retryDelay) : undefined,
  );
}
