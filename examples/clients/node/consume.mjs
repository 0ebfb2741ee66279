// Handles transfers to Germany together with others of the same group: start it as often as you like.
//
//     node consume.mjs 127.0.0.1:50051 GROUP NAME
//
// Each event goes to one of them, and to another if this one does not answer in time or goes away. Delivery is at least
// once: what was handled right before an end may be handled again.
import { ask, connect, pause, payload, status } from './handover.mjs';

const [address, group, name] = process.argv.slice(2);
// As many events may be on their way or unanswered here.
const credit = 16;
const groups = connect('ConsumerGroupService', address);

// The group begins with the first event. Somebody else may have made it.
try {
  const filter = { items: [{ tags: ['to:DE'], types: ['handover.v1.TransferCompleted'] }] };
  await ask(groups, 'CreateGroup', { name: group, filter });
} catch (error) {
  if (error.code !== status.ALREADY_EXISTS) throw error;
}

// Does the work. What it returns is why the event cannot be handled, however often it is tried.
function handle(event) {
  const { leg, count } = payload(event.payload);
  if (count?.value === undefined) return 'there is no number';
  console.log(`${event.position} ${leg.exchange_id} ${count.value}`);
}

// A group of that name in another store is another group, so that one is refused.
const { store } = await ask(connect('EventStoreService', address), 'GetHead', {});

async function consume() {
  const call = groups.Consume();
  call.write({ group, consumer: name, credit, store });
  for await (const { events = [], first_delivery } of call) {
    events.forEach((event, index) => {
      const delivery = String(BigInt(first_delivery) + BigInt(index));
      const reason = handle(event);
      // What is parked is laid aside, to be looked at; the events behind it go on. NACK_ACTION_RETRY would try again.
      if (reason) call.write({ nacks: [{ delivery, action: 'NACK_ACTION_PARK', reason }], credit: 1 });
      else call.write({ acks: [delivery], credit: 1 });
    });
  }
}

for (;;) {
  try {
    await consume();
  } catch (error) {
    await pause(error);
  }
}
