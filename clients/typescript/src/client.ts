// The client: all services on one transport, and streams that go on.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type Client as ServiceClient, type Transport } from "@connectrpc/connect";
import { BackupService } from "./gen/handover/v1/backup_service_pb.js";
import { ClaimService } from "./gen/handover/v1/claim_service_pb.js";
import { ConsumerGroupService } from "./gen/handover/v1/consumer_group_service_pb.js";
import {
  CountService,
  type WatchCountryCountsRequestSchema,
  type WatchCountryCountsResponse,
} from "./gen/handover/v1/count_service_pb.js";
import {
  EventStoreService,
  type SubscribeRequestSchema,
  type SubscribeResponse,
} from "./gen/handover/v1/event_store_service_pb.js";
import {
  ExchangeService,
  type WatchExchangeRequestSchema,
  type WatchExchangeResponse,
} from "./gen/handover/v1/exchange_service_pb.js";
import { ProjectionService } from "./gen/handover/v1/projection_service_pb.js";
import { SourceService } from "./gen/handover/v1/source_service_pb.js";
import { StatementService } from "./gen/handover/v1/statement_service_pb.js";
import { StatusService } from "./gen/handover/v1/status_service_pb.js";
import { TransferService } from "./gen/handover/v1/transfer_service_pb.js";
import { VerificationService } from "./gen/handover/v1/verification_service_pb.js";
import { type Diagnosis, repeating, RETRY, type Retry } from "./retry.js";
import * as streams from "./streams.js";

/** What a client may be given beside its transport. */
export interface Options {
  /** The token of the client, which each call has in its header. */
  token?: string | undefined;
  /** How patient it is. */
  retry?: Partial<Retry>;
}

/**
 * A connection to a server: `connect` of `handover-client/node` or `handover-client/web` makes one.
 *
 * It has one client for each service (`counts`, `transfers`, `log`, ...), whose methods take a request and return the answer. They
 * throw errors of Connect; `problem` takes them apart.
 */
export class Client {
  readonly backups: ServiceClient<typeof BackupService>;
  readonly claims: ServiceClient<typeof ClaimService>;
  readonly counts: ServiceClient<typeof CountService>;
  readonly exchanges: ServiceClient<typeof ExchangeService>;
  readonly groups: ServiceClient<typeof ConsumerGroupService>;
  readonly log: ServiceClient<typeof EventStoreService>;
  readonly projections: ServiceClient<typeof ProjectionService>;
  readonly sources: ServiceClient<typeof SourceService>;
  readonly statements: ServiceClient<typeof StatementService>;
  readonly status: ServiceClient<typeof StatusService>;
  readonly transfers: ServiceClient<typeof TransferService>;
  readonly verification: ServiceClient<typeof VerificationService>;
  readonly retry: Retry;

  constructor(transport: Transport, options: Options = {}, diagnosed?: Diagnosis) {
    this.retry = { ...RETRY, ...options.retry };
    const over = repeating(transport, this.retry, options.token, diagnosed);
    this.backups = createClient(BackupService, over);
    this.claims = createClient(ClaimService, over);
    this.counts = createClient(CountService, over);
    this.exchanges = createClient(ExchangeService, over);
    this.groups = createClient(ConsumerGroupService, over);
    this.log = createClient(EventStoreService, over);
    this.projections = createClient(ProjectionService, over);
    this.sources = createClient(SourceService, over);
    this.statements = createClient(StatementService, over);
    this.status = createClient(StatusService, over);
    this.transfers = createClient(TransferService, over);
    this.verification = createClient(VerificationService, over);
  }

  /** The name of the store that the server keeps. Keep it beside each position. */
  async store(): Promise<string> {
    return (await this.log.getHead({})).store;
  }

  /** Each page of a list, all true for one position: `client.pages(client.sources.listSources, { pageSize: 10 })`. */
  async *pages<I extends object, O extends { nextPageToken: string }>(
    method: (request: I) => Promise<O>,
    request: I,
  ): AsyncGenerator<O> {
    for (let pageToken: string | undefined; pageToken !== ""; ) {
      const page = await method(pageToken === undefined ? request : { ...request, pageToken });
      yield page;
      pageToken = page.nextPageToken;
    }
  }

  /**
   * Each frame of a subscription, over lost connections and restarts of the server, until the signal. A frame counts as handled
   * when the next one is taken.
   */
  subscribe(
    request: MessageInitShape<typeof SubscribeRequestSchema> = {},
    following: streams.Following = {},
  ): AsyncGenerator<SubscribeResponse> {
    return streams.subscribe(this, request, following);
  }

  /** The figures, and then each change, until the signal. What is true for one position comes in one list. */
  watchCounts(
    request: MessageInitShape<typeof WatchCountryCountsRequestSchema>,
    following: streams.Following = {},
  ): AsyncGenerator<WatchCountryCountsResponse[]> {
    return streams.watchCounts(this, request, following);
  }

  /** The story of an exchange, and then each later one, until the signal. */
  watchExchange(
    request: MessageInitShape<typeof WatchExchangeRequestSchema>,
    following: streams.Following = {},
  ): AsyncGenerator<WatchExchangeResponse> {
    return streams.watchExchange(this, request, following);
  }
}
