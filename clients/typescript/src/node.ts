// For Node: gRPC over HTTP/2, files of TLS, a position that outlives the program, and consumer groups.
import { closeSync, fsyncSync, openSync, readFileSync, existsSync, renameSync, statSync, writeSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client, type Options } from "./client.js";
import type { FilterSchema, RecordedEvent } from "./gen/handover/v1/event_store_service_pb.js";
import { diagnosis } from "./handshake.js";
import { checkedToken, checkServer } from "./retry.js";
import type { Following } from "./streams.js";

export * from "./index.js";
export { consume, type Consuming, NotHandled } from "./consume.js";

/** The files of TLS, in PEM. */
export interface Tls {
  /** Authorities that may have issued the server's certificate; none: those that Node brings. */
  ca?: string | undefined;
  /** Certificate of this client, if the server requires one. */
  cert?: string | undefined;
  /** Its key. Only its owner may have access to the file. */
  key?: string | undefined;
}

/** What is in a file that only its owner may have access to. */
function owned(path: string): Buffer {
  const mode = statSync(path).mode & 0o777;
  if (mode & 0o077) {
    throw new Error(`${path}: others have access to it (mode ${mode.toString(8)}); chmod 600 takes it away`);
  }
  return readFileSync(path);
}

function read({ ca, cert, key }: Tls): SecureClientSessionOptions {
  if (!cert !== !key) throw new Error("TLS: a certificate and its key have to be given together");
  return {
    ...(ca ? { ca: readFileSync(ca) } : {}),
    ...(cert ? { cert: readFileSync(cert) } : {}),
    ...(key ? { key: owned(key) } : {}),
  };
}

/** A variable of the commands. One that is set and empty is refused, as the commands refuse it. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  if (value !== undefined && !value.trim()) throw new Error(`${name} is set and empty; unset it, or give it a value`);
  return value;
}

/** The token that the variables name. */
function namedToken(): string | undefined {
  const path = variable("HANDOVER_TOKEN_FILE");
  if (path !== undefined) return checkedToken(owned(path).toString(), `HANDOVER_TOKEN_FILE: what ${path} holds`);
  const token = variable("HANDOVER_TOKEN");
  return token === undefined ? undefined : checkedToken(token, "HANDOVER_TOKEN: the value");
}

/** The files that the variables name. */
function namedFiles(): Tls {
  return { ca: variable("HANDOVER_TLS_CA"), cert: variable("HANDOVER_TLS_CERT"), key: variable("HANDOVER_TLS_KEY") };
}

/**
 * A client of the server at `https://HOST:PORT` or `http://HOST:PORT`. What is not given is taken from the variables of the commands:
 * HANDOVER_SERVER, HANDOVER_TLS_CA, HANDOVER_TLS_CERT, HANDOVER_TLS_KEY, and HANDOVER_TOKEN_FILE or HANDOVER_TOKEN.
 */
export function connect({ server, tls, token, ...rest }: Options & { server?: string; tls?: Tls } = {}): Client {
  const baseUrl = server ?? variable("HANDOVER_SERVER") ?? "http://127.0.0.1:50051";
  const files = tls ?? namedFiles();
  const secret = token === undefined ? namedToken() : checkedToken(token);
  checkServer(baseUrl, secret);
  const named = files.ca || files.cert || files.key;
  if (named && !baseUrl.startsWith("https://")) {
    throw new Error(`${baseUrl}: certificates are given, so the address has to begin with https://`);
  }
  const transport = createGrpcTransport({
    baseUrl,
    nodeOptions: named ? read(files) : {},
    // The client notices when the other side is gone, the server or something between.
    pingIntervalMs: 30_000,
    pingTimeoutMs: 10_000,
  });
  return new Client(transport, { token: secret, ...rest }, diagnosis(baseUrl));
}

/**
 * How far a program is, in a file: the name of the store and the last position that was handled.
 *
 * It is kept after an event was handled, so one that was handled right before a crash may be handled again. To have each event take
 * effect exactly once, keep `store` and `position` in the transaction that has the effects instead.
 */
export class PositionFile {
  store = "";
  position = 0n;

  constructor(readonly path: string) {
    if (!existsSync(path)) return;
    const [store, position] = readFileSync(path, "utf8").trim().split(" ");
    if (!store || !position) throw new Error(`${path}: it has no store and position`);
    [this.store, this.position] = [store, BigInt(position)];
  }

  /** Remembers that everything up to here was handled. The file is replaced as a whole. */
  keep(store: string, position: bigint): void {
    const file = openSync(`${this.path}.new`, "w");
    try {
      writeSync(file, `${store} ${position}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${this.path}.new`, this.path);
    [this.store, this.position] = [store, position];
  }
}

/**
 * Each event after the position in a file, until the signal, across restarts of this program too: at least once. The position is
 * kept when the next event is taken. A server that keeps another store is refused. After a restore from before the position it throws
 * `HistoryChanged`.
 */
export async function* follow(
  client: Client,
  kept: PositionFile,
  filter?: MessageInitShape<typeof FilterSchema>,
  following: Following = {},
): AsyncGenerator<RecordedEvent> {
  let store = kept.store || (await client.store());
  const start = { case: "afterPosition", value: kept.position } as const;
  for await (const { frame, store: name } of client.subscribe({ start, store, ...(filter ? { filter } : {}) }, following)) {
    store = name || store;
    if (frame.case === "events") {
      for (const event of frame.value.events) {
        yield event;
        kept.keep(store, event.position);
      }
    } else if (frame.case !== undefined) {
      // Nothing that matches is left up to there.
      kept.keep(store, frame.value.position);
    }
  }
}
