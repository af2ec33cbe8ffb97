import { createRequire } from 'node:module';
import type { Broker, Exchange, TopicMetadata } from './kafka-internals.ts';

const METADATA = 3;
/** What a broker says of a partition that nobody leads, or whose leader it cannot name. */
const leaderless = [5, 72];

interface Answer {
  readonly topicMetadata: readonly (TopicMetadata & {
    readonly partitionMetadata: { partitionErrorCode: number; leader: number }[];
  })[];
}

interface MetadataBroker extends Pick<Broker, 'connectionPool'> {
  readonly lookupRequest: (
    apiKey: number,
    versions: unknown,
  ) => (of: { topics: string[] }) => Exchange;
  metadata: (this: MetadataBroker, topics?: string[]) => Promise<unknown>;
}

let patched = false;

/**
 * Lets kafkajs list the topics of a cluster while some partition of any of them has no leader: it fails then as
 * a whole, so that one dead topic of somebody else would stop everybody. Such a partition is
 * listed with the leader -1. Where topics are asked for by name it is an error as before.
 */
export function listLeaderlessTopics(): void {
  if (patched) return;
  patched = true;
  const load = createRequire(import.meta.url);
  const { prototype } = load('kafkajs/src/broker') as { prototype: MetadataBroker };
  const { requests } = load('kafkajs/src/protocol/requests') as {
    requests: { Metadata: unknown };
  };
  const byName = prototype.metadata;
  prototype.metadata = async function (topics = []) {
    if (topics.length > 0) return byName.call(this, topics);
    const { request, response } = this.lookupRequest(METADATA, requests.Metadata)({ topics });
    return this.connectionPool.send({
      request,
      response: {
        decode: (payload) => response.decode(payload),
        parse: (decoded) => {
          // What kafkajs decodes.
          for (const { partitionMetadata } of (decoded as Answer).topicMetadata)
            for (const one of partitionMetadata)
              if (leaderless.includes(one.partitionErrorCode)) {
                one.partitionErrorCode = 0;
                one.leader = -1;
              }
          return response.parse(decoded);
        },
      },
    });
  };
}
