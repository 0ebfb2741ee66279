// Handles transfers to Germany together with others of the same group: start it as often as you like.
//
//     node consume.mjs 127.0.0.1:50051 GROUP NAME [SECONDS]
//
// Each event goes to one of them, and to another if this one goes away or gives no sign of life for the group's lease. The
// program names the event that it handles, so handling may take longer than the lease; SECONDS makes it slow, to try that.
// Delivery is at least once: what was handled right before an end may be handled again.
import { setTimeout } from 'node:timers/promises';
import { unary, connect, pause, payload, status } from './handover.mjs';

const [address, group, name, takes = 0] = process.argv.slice(2);
// As many events may be on their way or unanswered here.
const credit = 16;
// An event that takes longer, in milliseconds, is not named any more, and goes to another consumer.
const longest = 3_600_000;
const groups = connect('ConsumerGroupService', address);

// The group begins with the first event. Another client may have made it.
try {
  const filter = { items: [{ tags: ['to:DE'], types: ['handover.v1.TransferCompleted'] }] };
  await unary(groups, 'CreateGroup', { name: group, filter });
} catch (error) {
  if (error.code !== status.ALREADY_EXISTS) throw error;
}
const { groups: [{ settings }] } = await unary(groups, 'ListGroups', { name: group });
const lease = Number(settings.lease.seconds ?? 0) * 1000 + (settings.lease.nanos ?? 0) / 1e6;

// Does the work. What it returns is why the event cannot be handled, however often it is tried. Work that blocks the thread
// keeps the timer below from running.
async function handle(event) {
  await setTimeout(takes * 1000);
  const { leg, count } = payload(event.payload);
  if (count?.value === undefined) return 'there is no number';
  console.log(`${event.position} ${leg.exchange_id} ${count.value}`);
}

// A group of that name in another store is another group, so that one is refused.
const { store } = await unary(connect('EventStoreService', address), 'GetHead', {});

// Handles a delivery and answers it, with credit for one more. Every third of a lease it names the delivery. That keeps the
// events that wait here as well.
async function deal(say, delivery, event) {
  const until = Date.now() + longest;
  const timer = setInterval(() => {
    if (Date.now() < until) say({ working: [delivery] });
  }, lease / 3);
  try {
    const reason = await handle(event);
    // What is parked is laid aside, to be looked at; the events behind it go on. NACK_ACTION_RETRY would try again.
    if (reason) say({ nacks: [{ delivery, action: 'NACK_ACTION_PARK', reason }], credit: 1 });
    else say({ acks: [delivery], credit: 1 });
  } finally {
    clearInterval(timer);
  }
}

async function consume() {
  const call = groups.Consume();
  const withdrawn = new Set();
  let ended = false;
  const say = (what) => ended || call.write(what);
  // One delivery after the other. The call is read on meanwhile, because what waits may be withdrawn.
  let work = Promise.resolve();
  const begin = async (delivery, event) => {
    if (ended) return;
    // What was withdrawn comes anew, here or elsewhere.
    if (withdrawn.delete(delivery)) say({ credit: 1 });
    else await deal(say, delivery, event);
    withdrawn.delete(delivery);
  };
  say({ group, consumer: name, credit, store });
  try {
    for await (const { events = [], first_delivery, withdrawn: back = [] } of call) {
      back.forEach((delivery) => withdrawn.add(delivery));
      events.forEach((event, index) => {
        const delivery = String(BigInt(first_delivery) + BigInt(index));
        work = work.then(() => begin(delivery, event));
      });
    }
  } finally {
    ended = true;
    await work;
  }
}

for (;;) {
  try {
    await consume();
  } catch (error) {
    await pause(error);
  }
}
