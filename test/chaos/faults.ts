import { setTimeout as sleep } from 'node:timers/promises';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import type { Random } from '../../src/simulate/random.ts';
import type { Faults } from '../support/fault-proxy.ts';
import type { Arena } from './arena.ts';
import { links } from './arena.ts';
import { reachablePoints } from './crash-schedule.ts';
import type { Team } from './team.ts';

/** What a fault may take hold of. */
export interface Battlefield {
  readonly arena: Arena;
  readonly pipeline: Pipeline;
  readonly team: Team;
  readonly random: Random;
  readonly sessionMs: number;
  /** Runs while nothing is written to the cloud: it must know what it has committed. */
  readonly whileCloudRests: (work: () => Promise<void>) => Promise<void>;
}

/** @returns what was done, for people. */
type Fault = (field: Battlefield) => Promise<string>;

/** With how often each is taken. */
const faults: readonly (readonly [weight: number, fault: Fault])[] = [
  [5, killAny],
  [5, crashAtPoint],
  [4, stopAny],
  [3, freezeAny],
  [3, resetConnections],
  [2, swallowBytes],
  [2, halfCloseConnections],
  [2, strandConnections],
  [2, slowDown],
  [2, cutIntoSlices],
  [1, refuseConnections],
  [2, killDatabaseConnections],
  [1, killBroker],
  [1, restartBroker],
  [1, killMostBrokers],
  [1, killDatabase],
  [4, twoAtOnce],
];

const brokerFaults = new Set<Fault>([killBroker, restartBroker, killMostBrokers]);

/** Does one thing, chosen by the seed, and waits until it is over. */
export function doHarm(field: Battlefield): Promise<string> {
  // Each of several brokers fails as often as one.
  const timesOf = (fault: Fault) => (brokerFaults.has(fault) ? field.arena.brokers.length : 1);
  const all = faults.flatMap(([weight, fault]) =>
    Array.from({ length: weight * timesOf(fault) }, () => fault),
  );
  return field.random.pick(all)(field);
}

/** Something dies while a link is in a bad way for a while. */
async function twoAtOnce(field: Battlefield): Promise<string> {
  const lasting = field.random.pick([swallowBytes, slowDown, cutIntoSlices])(field);
  const all = [killAny, crashAtPoint, freezeAny, killDatabaseConnections, killBroker, killDatabase];
  const done = await Promise.all([lasting, field.random.pick(all)(field)]);
  return done.join(' and ');
}

async function killAny({ team, random }: Battlefield): Promise<string> {
  const member = random.pick(team.members);
  await team.kill(member);
  return `SIGKILL ${member.stage}`;
}

/** Kills one, and its successor dies by itself where it hurts most; that is replaced without more ado. */
async function crashAtPoint({ team, random }: Battlefield): Promise<string> {
  const member = random.pick(team.members);
  const [at, atMost] = random.pick(reachablePoints[member.stage]);
  const nth = random.whole(1, atMost);
  await team.kill(member, { at, nth });
  return `SIGKILL ${member.stage}, its successor dies at ${at}:${nth}`;
}

/** As an operator stops one. */
async function stopAny({ team, random }: Battlefield): Promise<string> {
  const member = random.pick(team.members);
  const tookMs = await team.ask(member);
  return `SIGTERM ${member.stage}, which ended after ${tookMs} ms`;
}

/** Stops one for longer than its session: it wakes and does not know that others have its work. */
async function freezeAny({ team, random, sessionMs }: Battlefield): Promise<string> {
  const { stage, process } = random.pick(team.members);
  const ms = random.whole(sessionMs * 1.5, sessionMs * 3);
  process.kill('SIGSTOP');
  await sleep(ms);
  process.kill('SIGCONT');
  return `SIGSTOP ${stage} for ${ms} ms`;
}

async function resetConnections({ arena, random }: Battlefield): Promise<string> {
  const link = random.pick(links);
  arena.proxies.get(link)!.reset();
  return `reset ${link}`;
}

/** They are dead for good and nobody is told; new ones work. */
async function strandConnections({ arena, random }: Battlefield): Promise<string> {
  const link = random.pick(links);
  arena.proxies.get(link)!.strand();
  return `strand ${link}`;
}

async function halfCloseConnections({ arena, random }: Battlefield): Promise<string> {
  const link = random.pick(links);
  const side = random.pick(['client', 'server'] as const);
  arena.proxies.get(link)!.halfClose(side);
  return `half close ${link}, ${side}`;
}

async function swallowBytes(field: Battlefield): Promise<string> {
  return hurt(field, 'black hole', { blackHole: true }, 500, 6000);
}

async function refuseConnections(field: Battlefield): Promise<string> {
  await resetConnections(field);
  return hurt(field, 'refuse', { refuse: true }, 200, 2000);
}

async function slowDown(field: Battlefield): Promise<string> {
  return hurt(field, 'latency', { latencyMs: field.random.whole(20, 200) }, 500, 3000);
}

async function cutIntoSlices(field: Battlefield): Promise<string> {
  const sliceBytes = 16 * field.random.whole(1, 64);
  return hurt(field, 'slices', { sliceBytes, bytesPerSecond: 200_000 }, 500, 3000);
}

async function hurt(
  { arena, random }: Battlefield,
  what: string,
  how: Faults,
  fromMs: number,
  toMs: number,
): Promise<string> {
  const link = random.pick(links);
  const proxy = arena.proxies.get(link)!;
  const ms = random.whole(fromMs, toMs);
  proxy.set(how);
  await sleep(ms);
  proxy.set({});
  return `${what} ${link} for ${ms} ms`;
}

/** Those of the pipeline: the cloud's own and ours have no default schema of it and read no binlog. */
async function killDatabaseConnections({ pipeline, random }: Battlefield): Promise<string> {
  const { pool, names } = pipeline;
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT ID AS id FROM information_schema.PROCESSLIST
     WHERE DB IN (?, ?, ?) OR COMMAND = 'Binlog Dump' ORDER BY ID`,
    [names.schema, names.cloudSchema, names.cloudUsageSchema],
  );
  let killed = 0;
  for (const { id } of rows) {
    if (!random.chance(0.5)) continue;
    killed += 1;
    await pool.query(`KILL ${id}`).catch(() => undefined); // it went by itself
  }
  return `KILL of ${killed} connections`;
}

async function killBroker({ arena, random }: Battlefield): Promise<string> {
  const ms = random.whole(0, 2000);
  const broker = random.pick(arena.brokers);
  await broker.stop('SIGKILL');
  await sleep(ms);
  await broker.restart();
  return `SIGKILL to ${nameOf(arena, broker)}, away for ${ms} ms`;
}

async function restartBroker({ arena, random }: Battlefield): Promise<string> {
  const broker = random.pick(arena.brokers);
  await broker.restart();
  return `restart of ${nameOf(arena, broker)}`;
}

/** All but one, where there are several: what is left may not write, and has nobody to ask. */
async function killMostBrokers(field: Battlefield): Promise<string> {
  const { arena, random } = field;
  if (arena.brokers.length === 1) return killBroker(field);
  const left = random.pick(arena.brokers);
  const others = arena.brokers.filter((one) => one !== left);
  const ms = random.whole(0, 4000);
  await Promise.all(others.map((one) => one.stop(random.pick(['SIGKILL', 'SIGTERM'] as const))));
  await sleep(ms);
  await Promise.all(others.map((one) => one.restart()));
  return `all brokers but ${nameOf(arena, left)} away for ${ms} ms`;
}

const nameOf = ({ brokers }: Arena, broker: Arena['brokers'][number]): string =>
  `broker ${brokers.indexOf(broker) + 1}`;

async function killDatabase({ arena, whileCloudRests }: Battlefield): Promise<string> {
  await whileCloudRests(async () => {
    await arena.database.stop('SIGKILL');
    await arena.database.restart();
  });
  return 'SIGKILL to the database';
}
