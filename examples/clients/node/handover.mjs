// What the examples share: the services from proto/, a channel, and what an error says.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const files = ['event_store', 'transfer', 'count', 'consumer_group'].map((name) => `handover/v1/${name}_service.proto`);
const loaded = loader.loadSync([...files, 'handover/v1/errors.proto'], {
  includeDirs: [proto],
  // Positions have 64 bits, numbers of JavaScript 53.
  longs: String,
  enums: String,
  oneofs: true,
  keepCase: true,
});
const { v1 } = grpc.loadPackageDefinition(loaded).handover;

// UNAVAILABLE and RESOURCE_EXHAUSTED are worth another try, because every write here has a request id. ABORTED never is:
// another writer came first, so what to write has to be decided again.
const retries = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.2s',
        maxBackoff: '5s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'],
      },
    },
  ],
};

/** The certificates for TLS, by the variables of the handover commands; without any, plain text. */
function credentials() {
  const [authority, key, certificate] = ['CA', 'KEY', 'CERT'].map((name) => {
    const path = process.env[`HANDOVER_TLS_${name}`];
    return path ? readFileSync(path) : null;
  });
  if (!authority && !key && !certificate) return grpc.credentials.createInsecure();
  // Without an authority, those that Node brings are trusted.
  return grpc.credentials.createSsl(authority, key, certificate);
}

/** The token of this client, by the variables of the handover commands; undefined: it has none. */
function token() {
  const file = process.env.HANDOVER_TOKEN_FILE;
  return file ? readFileSync(file, 'utf8').trim() : process.env.HANDOVER_TOKEN;
}

/** What sends the token with each call, if there is one. */
function login(address, channel) {
  const secret = token();
  if (!secret) return [];
  if (!channel._isSecure() && !/^(127\.0\.0\.1|localhost|\[::1\]):/.test(address)) {
    console.error('a token would be sent in plain text: HANDOVER_TLS_CA names the authority of a server with TLS');
    process.exit(1);
  }
  const start = (metadata, listener, next) => {
    metadata.set('authorization', `Bearer ${secret}`);
    next(metadata, listener);
  };
  return [(options, next) => new grpc.InterceptingCall(next(options), { start })];
}

/** A client of one of the services. */
export function connect(service, address) {
  const channel = credentials();
  return new v1[service](address, channel, {
    interceptors: login(address, channel),
    'grpc.service_config': JSON.stringify(retries),
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
}

/** One answer as a promise, within ten seconds. */
export function unary(client, method, request) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + 10_000;
    client[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** A payload of the record, decoded; null: its type is not known here. */
export function payload({ type_url, value }) {
  const described = loaded[type_url.split('/').pop()];
  return described?.deserialize ? described.deserialize(value) : null;
}

export const status = grpc.status;

/**
 * Waits until a call that goes on is tried again: the server stops or cannot be reached. What no repetition mends, such as
 * another store at the address, ends the program.
 */
export async function pause(error) {
  if (error.code === undefined) throw error;
  if (error.code !== status.UNAVAILABLE) {
    console.error(`${status[error.code]}: ${error.details}`);
    process.exit(1);
  }
  await setTimeout(200);
}
