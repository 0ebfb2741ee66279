// Prints a country's figure, and then each change of it with the events that caused it.
//
//     node watch.mjs 127.0.0.1:50051 DE
import { connect } from './handover.mjs';

const [address, country] = process.argv.slice(2);

// A figure as it may be told: one number, a range, or that there is none.
function told({ received }) {
  if (received?.preferred !== undefined) return received.preferred;
  return received?.low === undefined ? 'unknown' : `${received.low}..${received.high}`;
}

for await (const update of connect('CountService', address).WatchCountryCounts({ countries: [country] })) {
  if (update.snapshot) {
    for (const row of update.snapshot.counts ?? []) console.log(`${row.country} received ${told(row)}`);
    console.log(`as of position ${update.position}`);
  } else {
    const { after, caused_by } = update.change;
    console.log(`${after.country} received ${told(after)}, by ${caused_by.join(', ')}`);
  }
}
