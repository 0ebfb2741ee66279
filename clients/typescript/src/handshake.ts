// Connections that fail for good in Node: one side speaks TLS and the other does not.
import { connect, type ConnectionOptions } from "node:tls";
import { Code, ConnectError } from "@connectrpc/connect";
import { causes, problem } from "./errors.js";
import type { Diagnosis } from "./retry.js";

/** Milliseconds that a look at the server may take. */
const PATIENCE = 2_000;
/** What Node says if the other side answers a handshake with something else. */
const NO_TLS = /WRONG_VERSION_NUMBER|EPROTO|PACKET_LENGTH_TOO_LONG/;

/** Whether the other side answers a handshake as TLS does. A server that is not there does not. */
function speaksTls({ hostname, port }: URL): Promise<boolean> {
  // Nothing is sent, so nothing has to be verified.
  const options: ConnectionOptions = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80), rejectUnauthorized: false };
  return new Promise((resolve) => {
    const socket = connect(options);
    const done = (speaks: boolean) => {
      socket.destroy();
      resolve(speaks);
    };
    socket.setTimeout(PATIENCE, () => done(false));
    socket.on("secureConnect", () => done(true));
    socket.on("error", (error: NodeJS.ErrnoException) => done(/ALERT/.test(`${error.code} ${error.message}`)));
  });
}

/** Errors of calls to this address: what no repetition mends says what does. */
export function diagnosis(baseUrl: string): Diagnosis {
  const secure = baseUrl.startsWith("https://");
  const lasting = (why: string, cause: unknown) =>
    new ConnectError(`${baseUrl}: ${why}`, Code.FailedPrecondition, undefined, undefined, cause);
  return async (error) => {
    const found = problem(error);
    if (found.reason !== "") return error;
    if (secure) {
      const refused = [...causes(error)].some(({ code }) => typeof code === "string" && NO_TLS.test(code));
      return refused ? lasting("the server does not speak TLS, so its address has to begin with http://", error) : error;
    }
    if (found.code !== Code.Unavailable || !(await speaksTls(new URL(baseUrl)))) return error;
    return lasting("the server speaks TLS, so its address has to begin with https://", error);
  };
}
