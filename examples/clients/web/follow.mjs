// Follows the events with a tag in the body of one fetch, from a page or from Node.
//
//     node follow.mjs http://127.0.0.1:50051 to:DE
import { bytesField, call, fields, text } from './grpc-web.mjs';

const SUBSCRIBE = 'handover.v1.EventStoreService/Subscribe';

const [server, tag] = process.argv.slice(2);
// SubscribeRequest { filter { items { tags } } }
const request = bytesField(1, bytesField(1, bytesField(4, tag)));
for await (const answer of call(server, SUBSCRIBE, request)) {
  const frame = fields(answer);
  for (const event of frame.has(1) ? (fields(frame.get(1)[0]).get(1) ?? []) : []) {
    const recorded = fields(event);
    console.log(`${recorded.get(1)[0]} ${text(recorded.get(2)[0])}`);
  }
  if (frame.has(2)) console.log('caught up');
}
