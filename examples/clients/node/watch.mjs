// Prints a country's figures, and then each change of them with the events that caused it, over restarts of the server.
//
//     node watch.mjs 127.0.0.1:50051 DE
import { unary, connect, pause } from './handover.mjs';

const [address, country] = process.argv.slice(2);

// A figure as it may be shown: one number, a range, or that there is none.
function shown({ received }) {
  if (received?.preferred !== undefined) return received.preferred;
  return received?.low === undefined ? 'unknown' : `${received.low}..${received.high}`;
}

// What is counted, persons or mortal remains, is part of the figure.
const named = ({ country, unit }) => `${country} (${unit.replace('UNIT_', '').toLowerCase()})`;

function show({ snapshot, change, position }) {
  if (snapshot) {
    for (const row of snapshot.counts ?? []) console.log(`${named(row)} received ${shown(row)}`);
    console.log(`as of position ${position}`);
  } else if (change.after) {
    console.log(`${named(change.after)} received ${shown(change.after)}, by ${change.caused_by.join(', ')}`);
  } else {
    console.log(`${named(change.before)} has no figure any more, by ${change.caused_by.join(', ')}`);
  }
}

const counts = connect('CountService', address);
const log = connect('EventStoreService', address);
let store, position;
for (;;) {
  let together = [];
  try {
    // The position means nothing in another store, so that one is refused.
    store ??= (await unary(log, 'GetHead', {})).store;
    const request = { countries: [country], after_position: position, store };
    for await (const update of counts.WatchCountryCounts(request)) {
      // After a restore from a backup, the position goes on under another name.
      store = update.store || store;
      // Changes of one position are taken together: to resume between them would lose some.
      if (update.heartbeat) continue;
      together.push(update);
      if (update.more) continue;
      together.forEach(show);
      position = update.position;
      together = [];
    }
  } catch (error) {
    // The watch goes on with what has changed since.
    await pause(error);
  }
}
