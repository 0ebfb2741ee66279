// Records that 13 persons came to Germany, and reads what that makes of Germany's figure.
//
//     node record.mjs 127.0.0.1:50051 [REQUEST-ID]
//
// The same request id again records nothing again, whatever happened to the first answer.
import { randomUUID } from 'node:crypto';
import { unary, connect, status } from './handover.mjs';

const [address, request_id = randomUUID()] = process.argv.slice(2);
const completed = {
  attribution: { source_id: 'demo-source', locator: 'first paragraph' },
  leg: { exchange_id: 'demo-node', to: ['DE'], unit: 'UNIT_PERSON' },
  count: { value: 13 },
};
try {
  const { receipt } = await unary(connect('TransferService', address), 'RecordTransfer', { request_id, completed });
  console.log(`position ${receipt.position}, recorded ${receipt.duplicate ? 'before' : 'now'}`);
  if (receipt.undone) {
    console.log(`it has no effect any more, because of ${receipt.undone.by}: take a new id to mean it anew`);
  }

  // min_position: the answer includes what was just written.
  const request = { countries: ['DE'], min_position: receipt.position };
  const { counts } = await unary(connect('CountService', address), 'GetCountryCounts', request);
  for (const { country, received } of counts) {
    console.log(`${country} received ${received.preferred ?? 'no single number'}`);
  }
} catch (error) {
  console.error(`${status[error.code]}: ${error.details}`);
  process.exitCode = 1;
}
