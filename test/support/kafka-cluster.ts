import { newClusterId } from '../../deploy/dev/kafka.ts';
import { freePort } from '../../deploy/dev/ports.ts';
import { withAdmin } from './kafka-admin.ts';
import { startKafka } from './servers.ts';
import type { LocalServer } from './servers.ts';

/** Brokers that replicate each topic among them: of three each may be lost, and two are needed to write. */
export interface KafkaCluster extends AsyncDisposable {
  /** Node n is at n - 1. */
  readonly nodes: readonly LocalServer[];
  readonly addresses: readonly string[];
  node(id: number): LocalServer;
  /** Every partition of every topic has all of its replicas in sync again. */
  whenInSync(): Promise<void>;
}

export interface ClusterOptions {
  readonly size: number;
  /** Properties of one node beside or instead of ours; its id counts from 1. */
  readonly properties?: (id: number, ports: NodePorts) => Readonly<Record<string, string>>;
  readonly log?: (text: string) => void;
}

export interface NodePorts {
  readonly client: number;
  readonly controller: number;
}

/** Starts brokers that are controllers, too (KRaft, combined mode), as small as they can be. */
export async function startKafkaCluster({
  size,
  properties = () => ({}),
  log = () => {},
}: ClusterOptions): Promise<KafkaCluster> {
  const numbers = await distinctPorts(2 * size);
  const ports = Array.from({ length: size }, (_, i) => ({
    client: numbers[2 * i]!,
    controller: numbers[2 * i + 1]!,
  }));
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(',');
  const clusterId = newClusterId();
  const replicas = String(size);
  const needed = String(Math.floor(size / 2) + 1);
  // Together: none of them serves before most of them do.
  const started = await Promise.allSettled(
    ports.map((own, i) =>
      startKafka({
        log,
        clusterId,
        heapMb: 256,
        port: own.client,
        properties: {
          'node.id': String(i + 1),
          'controller.quorum.voters': voters,
          listeners: `PLAINTEXT://127.0.0.1:${own.client},CONTROLLER://127.0.0.1:${own.controller}`,
          'default.replication.factor': replicas,
          // Its default is half of such a heap.
          'log.cleaner.dedupe.buffer.size': '8388608',
          'min.insync.replicas': needed,
          'offsets.topic.replication.factor': replicas,
          'transaction.state.log.replication.factor': replicas,
          'transaction.state.log.min.isr': needed,
          ...properties(i + 1, own),
        },
      }),
    ),
  );
  await using stack = new AsyncDisposableStack();
  for (const one of started) if (one.status === 'fulfilled') stack.use(one.value);
  const nodes = started.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  const addresses = ports.map(({ client }) => `127.0.0.1:${client}`);
  const kept = stack.move();
  return {
    nodes,
    addresses,
    node: (id) => nodes[id - 1]!,
    whenInSync: () => whenInSync(addresses),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

export async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

const pollMs = 200;

async function whenInSync(addresses: readonly string[]): Promise<void> {
  await withAdmin(addresses, async (admin) => {
    for (;;) {
      const { topics } = await admin.fetchTopicMetadata();
      const all = topics.flatMap(({ partitions }) => partitions);
      if (all.every(({ isr, replicas }) => isr.length === replicas.length)) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  });
}

/** Which node leads a partition. */
export function leaderOf(
  { addresses }: KafkaCluster,
  topic: string,
  partition: number,
): Promise<number> {
  return withAdmin(addresses, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = topics[0]?.partitions.find((one) => one.partitionId === partition);
    if (!found) throw new Error(`${topic} has no partition ${partition}`);
    return found.leader;
  });
}

/** Which node coordinates the transactions of an id: the leader of its partition of the state topic. */
export function coordinatorOf(cluster: KafkaCluster, transactionalId: string): Promise<number> {
  return withAdmin(cluster.addresses, async (admin) => {
    const topic = '__transaction_state';
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    const own = Math.abs(javaHash(transactionalId)) % partitions.length;
    const found = partitions.find((one) => one.partitionId === own);
    if (!found) throw new Error(`no coordinator of ${transactionalId}`);
    return found.leader;
  });
}

/** @see java.lang.String.hashCode */
const javaHash = (text: string): number =>
  text.split('').reduce((hash, char) => (31 * hash + char.charCodeAt(0)) | 0, 0);
