// For pages: gRPC-Web by fetch. It runs in Node as well, where certificates are those of Node.
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Client, type Options } from "./client.js";
import { checkedToken, checkServer } from "./retry.js";

export * from "./index.js";

/** A client of the server at `https://HOST:PORT`. A page of another origin may read; to write, the server has to name its origin. */
export function connect(server: string, options: Options = {}): Client {
  const token = options.token === undefined ? undefined : checkedToken(options.token);
  checkServer(server, token);
  return new Client(createGrpcWebTransport({ baseUrl: server }), { ...options, token });
}
