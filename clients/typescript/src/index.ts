// What the package is on every platform. `handover-client/node` and `handover-client/web` connect.
export { Client, type Options } from "./client.js";
export { HistoryChanged, Problem, problem } from "./errors.js";
export type { Retry } from "./retry.js";
export type { Following } from "./streams.js";
