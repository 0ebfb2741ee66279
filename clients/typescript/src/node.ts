// For Node: gRPC over HTTP/2, files of TLS, a position that outlives the program, and consumer groups.
import { closeSync, fsyncSync, openSync, readFileSync, existsSync, renameSync, statSync, writeSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client, type Options } from "./client.js";
import type { FilterSchema, RecordedEvent } from "./gen/handover/v1/event_store_service_pb.js";
import { checkToken } from "./retry.js";
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

/**
 * A client of the server at `https://HOST:PORT` or `http://HOST:PORT`. What is not given is taken from the variables of the commands:
 * HANDOVER_SERVER, HANDOVER_TLS_CA, HANDOVER_TLS_CERT, HANDOVER_TLS_KEY, and HANDOVER_TOKEN_FILE or HANDOVER_TOKEN.
 */
export function connect({ server, tls, token, ...rest }: Options & { server?: string; tls?: Tls } = {}): Client {
  const { env } = process;
  const baseUrl = server ?? env.HANDOVER_SERVER ?? "http://127.0.0.1:50051";
  const files = tls ?? { ca: env.HANDOVER_TLS_CA, cert: env.HANDOVER_TLS_CERT, key: env.HANDOVER_TLS_KEY };
  if (!/^https?:\/\//.test(baseUrl)) throw new Error(`${baseUrl}: an address begins with http:// or https://`);
  const named = files.ca || files.cert || files.key;
  if (named && !baseUrl.startsWith("https://")) {
    throw new Error(`${baseUrl}: certificates are given, so the address has to begin with https://`);
  }
  const kept = env.HANDOVER_TOKEN_FILE ? owned(env.HANDOVER_TOKEN_FILE).toString().trim() : env.HANDOVER_TOKEN;
  const secret = token ?? kept;
  checkToken(baseUrl, secret);
  const transport = createGrpcTransport({
    baseUrl,
    nodeOptions: named ? read(files) : {},
    // The client notices when the other side is gone, the server or something between.
    pingIntervalMs: 30_000,
    pingTimeoutMs: 10_000,
  });
  return new Client(transport, { token: secret, ...rest });
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
