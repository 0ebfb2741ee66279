// Prints every event about Germany, now and as they come, and continues where it was when it is started again.
//
//     node follow.mjs 127.0.0.1:50051 POSITION-FILE
//
// The position is kept after an event was handled, so one that was handled right before a crash may be handled again.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { connect, payload, status } from './handover.mjs';

const [address, kept] = process.argv.slice(2);
const filter = { items: [{ tags: ['party:DE'] }, { tags: ['to:DE'] }] };
let position = existsSync(kept) ? readFileSync(kept, 'utf8') : '0';

function keep(handled) {
  position = handled;
  writeFileSync(kept, position);
}

const log = connect('EventStoreService', address);
for (;;) {
  try {
    for await (const { frame, ...said } of log.Subscribe({ filter, after_position: position })) {
      for (const event of said.events?.events ?? []) {
        const type = event.payload.type_url.split('.').pop();
        const count = payload(event.payload)?.count?.value;
        console.log([event.position, type, count].filter((part) => part !== undefined).join(' '));
        keep(event.position);
      }
      if (frame !== 'events') {
        // Nothing that matches is left up to there.
        keep(said[frame].position);
        console.log(frame);
      }
    }
  } catch (error) {
    if (error.code !== status.UNAVAILABLE) throw error;
    // The server stops or cannot be reached; the subscription goes on where it was.
    await setTimeout(200);
  }
}
