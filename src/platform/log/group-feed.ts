import { setImmediate } from 'node:timers/promises';
import type { BatchControl, GroupHandler, LogBatch } from './log.ts';
import type { Fetcher } from './partition-fetcher.ts';

/** How long a broker may wait when every partition could take a batch. */
const IDLE_WAIT_MS = 250;
/** When some cannot: they must not wait long behind the others once they can. */
const BUSY_WAIT_MS = 20;

interface Lane {
  readonly partition: number;
  /** Where to fetch next. */
  from: number;
  /** At most one batch waits, while one is in the handler. */
  waiting: LogBatch | null;
  busy: boolean;
}

/** One assignment, from `assign` to the next `revoke`. */
interface Turn {
  readonly lanes: Map<number, Lane>;
  fetcher: Fetcher | null;
  over: boolean;
}

/**
 * Brings the batches of the partitions of a member to its handler: of each partition one after the
 * other, contiguous, of different partitions at the same time up to `concurrency`.
 * It knows nothing of the group: `assign` and `revoke` are told by the membership.
 */
export class GroupFeed {
  readonly #handler: GroupHandler;
  readonly #concurrency: number;
  readonly #openFetcher: () => Fetcher;
  #turn: Turn = { lanes: new Map(), fetcher: null, over: true };
  /** Assignments and revocations, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #held: readonly number[] = [];
  readonly #running = new Set<Promise<void>>();
  #wake: () => void = () => {};
  readonly #failure = Promise.withResolvers<never>();
  #stopped = false;

  constructor(options: { handler: GroupHandler; concurrency: number; openFetcher: () => Fetcher }) {
    this.#handler = options.handler;
    this.#concurrency = options.concurrency;
    this.#openFetcher = options.openFetcher;
    this.#failure.promise.catch(() => undefined);
  }

  /** Rejects with the first error of the handler, but for errors about a partition that is lost anyway. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Where each partition of the present assignment has been handled up to. */
  readonly handled = new Map<number, number>();

  /** The partitions held are ours no longer: nothing more of them is begun. */
  revoke(): void {
    this.#end();
    this.#change(async () => this.#letGo());
  }

  /** These are ours now, and no others. */
  assign(partitions: readonly number[]): void {
    if (this.#stopped) return;
    const turn = this.#end();
    this.#change(async () => {
      await this.#letGo();
      if (turn.over || partitions.length === 0) return;
      this.#held = partitions;
      const starts = await this.#handler.assigned(partitions);
      if (turn.over) return;
      for (const partition of partitions) {
        const from = starts.get(partition);
        if (from === undefined) throw new Error(`no start of partition ${partition}`);
        turn.lanes.set(partition, { partition, from, waiting: null, busy: false });
      }
      turn.fetcher = this.#openFetcher();
      this.#guard(turn, this.#fetchAll(turn, turn.fetcher));
    });
  }

  /** Resolves when what was revoked so far is let go of, and what was assigned is begun. */
  settled(): Promise<void> {
    return this.#changes;
  }

  /** Revokes what is held and waits for it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.revoke();
    await this.#changes;
  }

  /** Ends the turn and begins the next. */
  #end(): Turn {
    this.#turn.over = true;
    this.#turn.fetcher?.close();
    this.#wake();
    this.#turn = { lanes: new Map(), fetcher: null, over: false };
    return this.#turn;
  }

  #change(change: () => Promise<void>): void {
    this.#changes = this.#changes.then(change).catch((error: unknown) => this.#fail(error));
  }

  async #letGo(): Promise<void> {
    await Promise.all(this.#running);
    const held = this.#held;
    this.#held = [];
    this.handled.clear();
    if (held.length > 0) await this.#handler.revoked(held);
  }

  /** The error of a turn that is over is of no interest: whoever has the partition now meets it too. */
  #guard(turn: Turn, work: Promise<void>): void {
    const guarded = work
      .catch((error: unknown) => {
        if (!turn.over) this.#fail(error);
      })
      .finally(() => this.#running.delete(guarded));
    this.#running.add(guarded);
  }

  #fail(error: unknown): void {
    this.#end();
    this.#failure.reject(error);
  }

  async #fetchAll(turn: Turn, fetcher: Fetcher): Promise<void> {
    while (!turn.over) {
      const lanes = [...turn.lanes.values()];
      const free = lanes.filter(({ waiting }) => waiting === null);
      if (free.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const waitMs = free.length === lanes.length ? IDLE_WAIT_MS : BUSY_WAIT_MS;
      const batches = await fetcher.fetch(free, waitMs);
      if (turn.over || fetcher.closed) return;
      for (const batch of batches) {
        const lane = turn.lanes.get(batch.partition);
        if (!lane) continue;
        lane.waiting = batch;
        lane.from = batch.nextOffset;
        // Last in line the next time: a broker fills its answer in the order asked for.
        turn.lanes.delete(batch.partition);
        turn.lanes.set(batch.partition, lane);
      }
      this.#handOut(turn);
    }
  }

  #handOut(turn: Turn): void {
    for (const lane of turn.lanes.values()) {
      const busy = [...turn.lanes.values()].filter((one) => one.busy).length;
      if (turn.over || busy >= this.#concurrency) return;
      const { waiting } = lane;
      if (lane.busy || !waiting) continue;
      lane.busy = true;
      lane.waiting = null;
      this.#guard(turn, this.#handle(turn, lane, waiting));
      this.#wake();
    }
  }

  async #handle(turn: Turn, lane: Lane, batch: LogBatch): Promise<void> {
    const control: BatchControl = {
      stale: () => turn.over,
      // The membership beats by itself as soon as the event loop is free.
      heartbeat: () => setImmediate(),
    };
    await this.#handler.batch(batch, control);
    lane.busy = false;
    if (turn.over) return;
    this.handled.set(batch.partition, batch.nextOffset);
    this.#handOut(turn);
  }
}
