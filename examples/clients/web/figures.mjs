// What countries received, queried from a page or from Node without any library.
//
//     node figures.mjs http://127.0.0.1:50051 DE
import { bytesField, call, fields, text } from './grpc-web.mjs';

const COUNTS = 'handover.v1.CountService/GetCountryCounts';

/** Country and number, where there is one number. */
export async function received(server, country) {
  const rows = [];
  for await (const answer of call(server, COUNTS, bytesField(1, country))) {
    for (const row of fields(answer).get(1) ?? []) {
      const count = fields(row);
      const figure = fields(count.get(3)?.[0] ?? new Uint8Array());
      rows.push([text(count.get(1)[0]), figure.get(3)?.[0]]);
    }
  }
  return rows;
}

const [server, country] = process.argv.slice(2);
for (const [name, number] of await received(server, country)) {
  console.log(`${name} received ${number ?? 'no single number'}`);
}
