// Follows the events with a tag in the body of one fetch after the other, from a page or from Node.
//
//     node follow.mjs http://127.0.0.1:50051 to:DE
import { CallError, bytesField, call, fields, numberField, text } from './grpc-web.mjs';

const SERVICE = 'handover.v1.EventStoreService';
const UNAVAILABLE = 14;
// The server sends something every 20 s, so a stream that is silent for longer has ended without a word.
const SILENCE = 60_000;

const [server, tag] = process.argv.slice(2);
const filter = bytesField(1, bytesField(1, bytesField(4, tag)));
// Where it resumes. A position means nothing in another store, so the store's name goes with it, and another is refused.
let store, position;

async function nameOfStore() {
  for await (const head of call(server, `${SERVICE}/GetHead`, new Uint8Array())) return fields(head).get(3)[0];
}

async function follow() {
  store ??= await nameOfStore();
  // SubscribeRequest { filter { items { tags } }, after_position, store }
  const after = position === undefined ? [] : numberField(2, position);
  const request = Uint8Array.from([...filter, ...after, ...bytesField(5, store)]);
  const silence = new AbortController();
  const silent = () => silence.abort(new CallError(UNAVAILABLE, 'the server says nothing any more'));
  let timer = setTimeout(silent, SILENCE);
  try {
    for await (const answer of call(server, `${SERVICE}/Subscribe`, request, silence.signal)) {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENCE);
      take(answer);
    }
  } finally {
    clearTimeout(timer);
  }
}

function take(answer) {
  const frame = fields(answer);
  // After a restore from a backup, the position goes on under another name.
  if (frame.has(6)) store = text(frame.get(6)[0]);
  for (const event of frame.has(1) ? (fields(frame.get(1)[0]).get(1) ?? []) : []) {
    const recorded = fields(event);
    position = recorded.get(1)[0];
    console.log(`${position} ${text(recorded.get(2)[0])}`);
  }
  // caught_up, checkpoint and fell_behind say up to where everything was sent.
  for (const mark of [2, 3, 4].filter((number) => frame.has(number))) {
    position = fields(frame.get(mark)[0]).get(1)?.[0] ?? 0n;
  }
  if (frame.has(2)) console.log('caught up');
}

for (;;) {
  try {
    await follow();
  } catch (error) {
    if (error.code !== UNAVAILABLE) throw error;
    // The server stops or cannot be reached, or a proxy has ended the stream; it goes on where it was.
    await new Promise((done) => setTimeout(done, 200));
  }
}
