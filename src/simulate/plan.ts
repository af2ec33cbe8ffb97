import type { FoldEvent } from '../contracts/fold.ts';
import { u64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { Clerk } from './clerk.ts';
import type { PlannedTransaction } from './clerk.ts';
import { Heap } from './heap.ts';
import { makeAccounts, populate } from './population.ts';
import { seededRandom } from './random.ts';
import type { Actor, EventDraft, Journal, SimulatedAccount, Statement } from './statement.ts';
import { numbering } from './world.ts';
import type { World } from './world.ts';

export interface PlanOptions {
  /** Equal seeds give equal histories. */
  readonly seed: number;
  /** When the history begins; a whole second. */
  readonly startMs: EpochMs;
  readonly days: number;
  readonly zones: number;
  readonly accounts: number;
  /** Machines alive at a time; a destroyed one is replaced. */
  readonly vms: number;
  /** Exactly so many events: the cloud acts faster to fit them into `days`, or goes on for longer. */
  readonly eventsTarget?: number;
  /** Also what is not in the demo: the other event types, and statistics rows each hour. */
  readonly everything?: boolean;
  /** Added to every id, so that a plan can follow another in the same database. */
  readonly idBase?: number;
}

/** The cloud of the demo. */
export const defaultPlan = { seed: 1, days: 3, zones: 2, accounts: 5, vms: 300 } as const;

/** Measured: events that a machine, with its share of addresses, writes in a day at normal speed. */
const eventsPerVmDay = 11;
const day = 86_400_000;
const hour = 3_600_000;

interface Waiting {
  readonly atMs: EpochMs;
  readonly seq: number;
}

const before = (a: Waiting, b: Waiting): boolean =>
  a.atMs === b.atMs ? a.seq < b.seq : a.atMs < b.atMs;
const commitsBefore = (a: PlannedTransaction, b: PlannedTransaction): boolean =>
  a.commitMs === b.commitMs ? a.tx < b.tx : a.commitMs < b.commitMs;

/**
 * What a management server would write to `cloud`, in commit order; a pure function of the options.
 * Nothing commits more than four minutes after its event time. Memory does not grow with the length.
 */
export function* plan(options: PlanOptions): Generator<Statement, void, undefined> {
  const random = seededRandom(options.seed);
  const id = numbering(options.idBase ?? 0);
  const clerk = new Clerk(random, id);
  const actors = new Heap<Waiting & { actor: Actor }>(before);
  const drafts = new Heap<Waiting & { events: readonly EventDraft[] }>(before);
  const commits = new Heap<PlannedTransaction>(commitsBefore);
  const speed = speedOf(options);
  const endMs =
    options.eventsTarget === undefined ? options.startMs + options.days * day : Infinity;
  let left = options.eventsTarget ?? Infinity;
  let seq = 0;
  const world: World = {
    random,
    id,
    add: (atMs, actor) => actors.push({ atMs, seq: seq++, actor }),
    wait: (meanMs) => Math.round(random.wait(meanMs) / speed),
  };
  const journal: Journal = {
    write: (atMs, ...events) => drafts.push({ atMs, seq: seq++, events }),
    measure: (atMs, counter) => commits.push(clerk.measure(atMs, counter)),
  };
  /** No actor acts before `nowMs` any more: give ids to all that was written, commit what is due. */
  function* settle(nowMs: EpochMs): Generator<Statement> {
    for (let next = drafts.peek(); next && next.atMs < nowMs; next = drafts.peek()) {
      drafts.pop();
      const events = next.atMs < endMs ? next.events.slice(0, left) : [];
      left -= events.length;
      if (events.length > 0) for (const tx of clerk.record(next.atMs, events)) commits.push(tx);
    }
    for (let next = commits.peek(); next && next.commitMs < nowMs; next = commits.peek()) {
      commits.pop();
      yield* next.statements;
    }
  }
  const accounts = makeAccounts(world, options);
  for (const tx of setUp(clerk, options, accounts)) commits.push(tx);
  populate(world, options, accounts);
  for (let next = actors.pop(); next && next.atMs < endMs && left > 0; next = actors.pop()) {
    yield* settle(next.atMs);
    const again = next.actor.act(next.atMs, journal);
    if (again !== null) world.add(again, next.actor);
  }
  yield* settle(Infinity);
}

/** The events of a plan in commit order, each with its details: for folding in memory. */
export function* planEvents(options: PlanOptions): Generator<FoldEvent, void, undefined> {
  let feedOffset = 0;
  for (const statement of plan(options)) {
    if (statement.kind !== 'event') continue;
    yield { ...statement.event, feedOffset: feedOffset++, details: statement.details };
  }
}

/** Rows that are there before the first event; accounts made later; one account gets another name. */
function* setUp(
  clerk: Clerk,
  options: PlanOptions,
  accounts: readonly SimulatedAccount[],
): Generator<PlannedTransaction> {
  const base = options.idBase ?? 0;
  yield clerk.setUp(options.startMs - hour, (at) =>
    Array.from({ length: options.zones }, (_, i) => {
      const zone = { id: u64(base + i + 1), name: `zone-${base + i + 1}` };
      return { ...at, kind: 'zone', zone };
    }),
  );
  for (const account of accounts)
    yield clerk.setUp(account.createdMs, (at) => [
      {
        ...at,
        kind: 'domain',
        domain: { id: account.domainId, name: `domain-${account.domainId}` },
      },
      { ...at, kind: 'account', account },
    ]);
  const first = accounts[0];
  if (first && options.days > 1)
    yield clerk.setUp(options.startMs + day + day / 2, (at) => [
      { ...at, kind: 'account-renamed', accountId: first.id, name: `${first.name}-renamed` },
    ]);
}

function speedOf({ eventsTarget, vms, days }: PlanOptions): number {
  if (eventsTarget === undefined) return 1;
  return Math.max(1, (1.1 * eventsTarget) / (eventsPerVmDay * vms * days));
}
