// gRPC-Web by fetch alone, for pages and for Node: no library and no generated code.
//
// An answer is a row of frames: a flag, a length of four bytes, and so many bytes. A frame is a message, or, with the flag
// 128, the trailers, which say how the call ended.

/** What a call ended with. `details` is the encoded google.rpc.Status. */
export class CallError extends Error {
  constructor(code, message, details) {
    super(message);
    Object.assign(this, { code, details });
  }
}

const UNKNOWN = 2;
const UNAVAILABLE = 14;
// What a proxy answers while the server behind it cannot be reached or takes too long.
const OF_PROXIES = [502, 503, 504];

/** Waits for a promise of the browser's; that the connection fails is UNAVAILABLE, as other clients have it. */
async function reached(promise, signal) {
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError(UNAVAILABLE, `the server cannot be reached: ${error.message}`);
  }
}

function check(said) {
  const code = Number(said.get('grpc-status') ?? 0);
  if (code === 0) return;
  const details = atob(said.get('grpc-status-details-bin') ?? '');
  const bytes = Uint8Array.from(details, (byte) => byte.charCodeAt(0));
  throw new CallError(code, decodeURIComponent(said.get('grpc-message') ?? ''), bytes);
}

function trailers(bytes) {
  const lines = new TextDecoder().decode(bytes).split('\r\n').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

/** Calls a method and yields the messages of its answer as they come, as bytes. */
export async function* call(server, method, request, signal) {
  const body = new Uint8Array(5 + request.length);
  new DataView(body.buffer).setUint32(1, request.length);
  body.set(request, 5);
  const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
  const response = await reached(fetch(`${server}/${method}`, { method: 'POST', headers, body, signal }), signal);
  if (!response.ok) {
    const code = OF_PROXIES.includes(response.status) ? UNAVAILABLE : UNKNOWN;
    throw new CallError(code, `HTTP ${response.status}: ${await response.text()}`);
  }
  check(response.headers);
  const reader = response.body.getReader();
  try {
    yield* messages(reader, signal);
  } finally {
    // A caller that has seen enough ends the call; otherwise it would go on unread. A call that failed has ended.
    await reader.cancel().catch(() => {});
  }
}

async function* messages(reader, signal) {
  let read = new Uint8Array();
  for (;;) {
    while (read.length >= 5) {
      const end = 5 + new DataView(read.buffer, read.byteOffset).getUint32(1);
      if (read.length < end) break;
      const frame = read.subarray(5, end);
      if (read[0] & 128) return check(trailers(frame));
      yield frame;
      read = read.subarray(end);
    }
    const { done, value } = await reached(reader.read(), signal);
    if (done) throw new CallError(UNAVAILABLE, 'the connection ended in the middle of the answer');
    const both = new Uint8Array(read.length + value.length);
    both.set(read);
    both.set(value, read.length);
    read = both;
  }
}

/** A message as its fields: number -> list of values. Numbers are BigInt, everything else is bytes. */
export function fields(bytes) {
  const found = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    let value;
    if ((key & 7) === 0) value = varint();
    else {
      const length = (key & 7) === 2 ? Number(varint()) : (key & 7) === 1 ? 8 : 4;
      value = bytes.subarray(at, (at += length));
    }
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}

/** A field that holds a text or a message. */
export function bytesField(number, value) {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  if (bytes.length > 127) throw new Error('this encodes short values only');
  return Uint8Array.from([(number << 3) | 2, bytes.length, ...bytes]);
}

/** A field that holds a number. */
export function numberField(number, value) {
  const bytes = [number << 3];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

export const text = (bytes) => new TextDecoder().decode(bytes);
