// Prints every event about Germany, now and as they come, and continues where it was when it is started again.
//
//     node follow.mjs 127.0.0.1:50051 POSITION-FILE
//
// The position is kept after an event was handled, so one that was handled right before a crash may be handled again. The
// store's name is kept with it: in another store the position is of another event.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { unary, connect, pause, payload } from './handover.mjs';

const [address, kept] = process.argv.slice(2);
const filter = { items: [{ tags: ['party:DE'] }, { tags: ['to:DE'] }] };
let [store, position] = existsSync(kept) ? readFileSync(kept, 'utf8').split(' ') : [undefined, '0'];

// The file is replaced as a whole.
function keep(handled) {
  position = handled;
  writeFileSync(`${kept}.new`, `${store} ${position}`);
  renameSync(`${kept}.new`, kept);
}

const log = connect('EventStoreService', address);
for (;;) {
  try {
    store ??= (await unary(log, 'GetHead', {})).store;
    // The server refuses this if it keeps another store by now.
    for await (const { frame, store: name, ...said } of log.Subscribe({ filter, after_position: position, store })) {
      // After a restore from a backup, the position goes on under another name.
      store = name || store;
      for (const event of said.events?.events ?? []) {
        const type = event.payload.type_url.split('.').pop();
        const count = payload(event.payload)?.count?.value;
        console.log([event.position, type, count].filter((part) => part !== undefined).join(' '));
        keep(event.position);
      }
      if (frame !== 'events') {
        // Nothing that matches is left up to there.
        keep(said[frame].position ?? '0');
        console.log(frame);
      }
    }
  } catch (error) {
    await pause(error);
  }
}
