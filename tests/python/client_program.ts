// A program that uses the TypeScript package, for test_typescript_package.py: one of the functions below, by name.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { type Client, connect, consume, follow, HistoryChanged, NotHandled, PositionFile, type Problem, problem } from "handover-client/node";
import { connect as connectWeb } from "handover-client/web";
import { Unit } from "handover-client/v1/common";
import { TransferCompletedSchema } from "handover-client/v1/events";
import type { RecordTransferRequestSchema } from "handover-client/v1/transfer_service";

const say = (...words: unknown[]) => console.log(words.join(" "));
const interrupted = (found: Problem, pause: number) => {
  if (!(pause >= 0)) throw new Error(`a pause of ${pause}`);
  console.error("interrupted", Code[found.code]);
};

const transfer: MessageInitShape<typeof RecordTransferRequestSchema>["transfer"] = {
  case: "completed",
  value: {
    attribution: { sourceId: "demo" },
    leg: { exchangeId: "demo-1", to: ["DE"], unit: Unit.PERSON },
    count: { value: 13 },
  },
};

const functions: Record<string, (client: Client, ...rest: string[]) => Promise<void>> = {
  async record(client, requestId = "") {
    say("calling");
    const { receipt } = await client.transfers.recordTransfer({ requestId, transfer });
    say("position", receipt?.position, receipt?.duplicate ? "duplicate" : "new");
    const asked = { countries: ["DE"], minPosition: receipt?.position ?? 0n };
    for (const row of (await client.counts.getCountryCounts(asked)).counts) say("received", row.received?.preferred);
  },
  async refused(client) {
    try {
      await client.transfers.recordTransfer({});
    } catch (error) {
      const found = problem(error);
      say(Code[found.code], found.reason, ...found.fields.map(({ field }) => field));
    }
  },
  async subscribe(client) {
    for await (const { frame } of client.subscribe({}, { interrupted })) {
      if (frame.case === "events") for (const { position } of frame.value.events) say(position);
    }
  },
  async follow(client, path = "") {
    const filter = { items: [{ tags: ["to:DE"] }] };
    for await (const event of follow(client, new PositionFile(path), filter, { interrupted })) say(event.position);
  },
  async watch(client) {
    for await (const answers of client.watchCounts({ countries: ["DE"] }, { interrupted })) {
      for (const { update } of answers) {
        const rows = update.case === "snapshot" ? update.value.counts : [update.value?.after];
        say("received", ...rows.map((row) => row?.received?.high));
      }
    }
  },
  async consume(client, name = "") {
    const filter = { items: [{ tags: ["to:DE"] }] };
    await client.groups.createGroup({ name: "desk", filter }).catch((error: unknown) => {
      if (problem(error).code !== Code.AlreadyExists) throw error;
    });
    await consume(
      client,
      "desk",
      name,
      async ({ payload }) => {
        const transfer = payload && anyUnpack(payload, TransferCompletedSchema);
        if (transfer?.count?.value === 99) throw new NotHandled("it is 99");
        say("handled", transfer?.count?.value);
      },
      { interrupted },
    );
  },
  async pages(client) {
    for (const number of [0, 1, 2, 3, 4]) {
      await client.sources.registerSource({ source: { sourceId: `demo-${number}`, title: "A" } });
    }
    const ids: string[] = [];
    let pages = 0;
    for await (const page of client.pages((it) => client.sources.listSources(it), { pageSize: 2, minPosition: 5n })) {
      pages += 1;
      ids.push(...page.sources.map(({ sourceId }) => sourceId));
    }
    say(pages, ...ids);
  },
  async look(client) {
    say("version", (await client.status.getStatus({})).version);
  },
  async ended(client) {
    const controller = new AbortController();
    for await (const { frame } of client.subscribe({}, { signal: controller.signal })) {
      if (frame.case === "caughtUp") controller.abort();
    }
    say("ended");
  },
};

const [kind, name = "", ...rest] = process.argv.slice(2);
try {
  const server = process.env.HANDOVER_SERVER ?? "";
  const retry = { within: Number(process.env.WITHIN ?? 60) * 1000 };
  const token = process.env.HANDOVER_TOKEN;
  const client = kind === "web" ? connectWeb(server, { retry, token }) : connect({ retry });
  await functions[name]?.(client, ...rest);
} catch (error) {
  if (error instanceof HistoryChanged) console.error(`history changed after ${error.branchPosition}, now ${error.store}`);
  else console.error(String(problem(error)));
  process.exitCode = 1;
}
process.exit();
