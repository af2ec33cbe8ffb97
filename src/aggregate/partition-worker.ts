import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { EpochMs } from '../contracts/time.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { BatchControl, LogBatch } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { ClaimOptions } from './claim.ts';
import { closeWindows } from './close-windows.ts';
import type { CloseContext, FoldRules } from './close-windows.ts';
import { FoldResults } from './fold-results.ts';
import { holdPartition, refuseGap, refuseLostCommits } from './hold-partition.ts';
import type { Held } from './hold-partition.ts';
import type { Limits } from './limits.ts';
import { repairAccounts } from './repair-accounts.ts';
import { isBusy, isLost } from '../platform/store-fault.ts';
import { takeRecords } from './take-records.ts';
import { Tally } from './tally.ts';
import { Unit } from './unit.ts';

/** What a committed batch did, for progress displays. */
export interface AggregateProgress {
  readonly partition: number;
  readonly nextOffset: number;
  /** Feed records not yet stored. */
  readonly lag: number;
  readonly watermarkMs: EpochMs | null;
  readonly closedUntilMs: EpochMs | null;
  /** Usage events stored and usage rows folded by this batch. */
  readonly events: number;
  readonly rows: number;
}

export interface WorkerOptions {
  readonly claim: Omit<ClaimOptions, 'epoch'>;
  readonly rules: FoldRules;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onProgress: (progress: AggregateProgress) => void;
}

/** Waits before each try to reach the store again, ms; after the last the worker gives up. */
const retryDelaysMs = [0, 50, 200, 500, 1000, 2000, 3000];

/**
 * One owned partition: stores what the feed brings and closes windows, a batch in one transaction.
 * Its memory is what the tables hold; after any failure it is dropped and read again, so that nothing
 * is ever done twice or on a guess about an unknown COMMIT.
 */
export class PartitionWorker {
  readonly partition: number;
  readonly #options: WorkerOptions;
  readonly #tally = new Tally();
  #held: Held;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: WorkerOptions, held: Held) {
    this.partition = options.claim.partition;
    this.#options = options;
    this.#held = held;
  }

  /** Claims the partition; see {@link claimPartition} for errors. */
  static async open(asked: WorkerOptions): Promise<PartitionWorker> {
    // Of this worker alone: what takes up its epoch again after a fault is no other owner of the same number.
    const owner = `${asked.claim.owner.slice(0, 100)}#${randomUUID().slice(0, 8)}`;
    const options = { ...asked, claim: { ...asked.claim, owner } };
    const worker = new PartitionWorker(options, await hold(options, null));
    const { epoch } = worker.#held.store;
    const { nextOffset, closedUntilMs } = worker.#held.progress;
    const { partition } = worker;
    options.logger.info({ partition, epoch, nextOffset, closedUntilMs }, 'partition claimed');
    return worker;
  }

  get nextOffset(): number {
    return this.#held.progress.nextOffset;
  }

  get closedUntilMs(): EpochMs | null {
    return this.#held.progress.closedUntilMs;
  }

  /**
   * Stores one batch. Returns without having done so only when this worker was stopped or lost its
   * partition: it then takes no further batch.
   *
   * @throws SINK_FENCED, STORE_WENT_BACK, STORE_UNREACHABLE after some tries, and what no try can mend.
   */
  handle(batch: LogBatch, control: BatchControl): Promise<void> {
    this.#running = this.#handle(batch, control);
    return this.#running;
  }

  /** Ends the batch in hand at the next step, rolled back or committed, and cuts the connection. */
  async close(): Promise<void> {
    this.#isStopped = true;
    const quietly = this.#running.catch(() => undefined);
    await Promise.race([quietly, setTimeout(closeTimeoutMs, undefined, { ref: false })]);
    this.#held.store.destroy();
  }

  async #handle(batch: LogBatch, control: BatchControl): Promise<void> {
    for (let attempt = 0; !this.#isStopped; attempt++) {
      try {
        return await this.#process(batch, control);
      } catch (error) {
        this.#held.store.destroy();
        if (error instanceof Stopped) {
          if (error.cause !== undefined && !control.stale())
            throw logFault(error.cause, this.partition);
          this.#isStopped = true;
          return;
        }
        if (control.stale()) this.#isStopped = true;
        if (this.#isStopped) return;
        await this.#recover(error, attempt, control);
      }
    }
  }

  async #process(batch: LogBatch, control: BatchControl): Promise<void> {
    const { rules, metrics, limits } = this.#options;
    const { records } = batch;
    const held = this.#held;
    const { store, book, settings, before, foreign } = held;
    const from = held.progress.nextOffset;
    if (batch.nextOffset <= from) return;
    refuseGap(batch, held.progress);
    const endTimer = metrics.batchMs.startTimer();
    this.#tally.clear();
    const unit = new Unit({
      ...{ store, book, tally: this.#tally, foreign, settings, before },
      window: rules.window,
    });
    let begunMs = 0;
    const begin = async (next: number) => {
      await store.begin(next, batch.nextOffset);
      begunMs = performance.now();
    };
    const isLarge = () =>
      store.written > limits.splitLength || performance.now() - begunMs > limits.splitMs;
    await begin(from);
    let now = held.progress;
    let at = records.findIndex((record) => record.offset >= from);
    if (at === -1) at = records.length;
    const results = new FoldResults(store, this.#tally);
    const context: CloseContext = {
      rules,
      results,
      limits,
      ...{ store, book, tally: this.#tally, before },
      isLarge,
      isQuotaOn: () => settings.isQuotaOn,
      pause: () => this.#pause(control),
      split: async (progress) => {
        await store.commit(progress);
        await begin(progress.nextOffset);
      },
    };
    if (held.repairs.length > 0) await repairAccounts(context, held.repairs, now);
    for (;;) {
      const taken = takeRecords(unit, records, at, now, rules, limits);
      await unit.write(now);
      crashPoint('aggregate.events-written');
      at = taken.at;
      now = { ...taken.progress, nextOffset: records[at]?.offset ?? batch.nextOffset };
      if (taken.isCloseDue) now = await closeWindows(context, now);
      if (at === records.length) break;
      await this.#pause(control);
      if (isLarge()) {
        await results.flushStates();
        await store.commit(now);
        await begin(now.nextOffset);
      }
      if (book.isOver) book.trim();
    }
    if (control.stale()) throw new Stopped();
    await results.flushStates();
    await store.commit(now);
    endTimer();
    held.progress = now;
    held.repairs = [];
    book.trim();
    this.#report(batch);
  }

  #report(batch: LogBatch): void {
    const { logger, metrics, onProgress } = this.#options;
    const { partition } = this;
    const { nextOffset, watermarkMs, closedUntilMs } = this.#held.progress;
    const lag = Math.max(0, batch.endOffset - nextOffset);
    const events = this.#tally.total('event');
    const rows = this.#tally.total('row');
    const windows = this.#tally.total('window');
    metrics.aggregateLagRecords.set({ partition }, lag);
    metrics.faults.clear('aggregate');
    this.#tally.publish(metrics);
    for (const note of this.#held.settings.takeNotes())
      logger.warn(note, 'a setting of the cloud was not applied: it needs a new generation');
    if (windows > 0) logger.info({ partition, closedUntilMs, windows, rows }, 'windows closed');
    logger.debug({ partition, nextOffset, lag, events }, 'batch committed');
    onProgress({ partition, nextOffset, lag, watermarkMs, closedUntilMs, events, rows });
  }

  /** Between steps: others get their turn, the session is kept, and a lost partition is noticed. */
  async #pause(control: BatchControl): Promise<void> {
    await setImmediate();
    if (this.#isStopped || control.stale()) throw new Stopped();
    try {
      await control.heartbeat();
    } catch (error) {
      throw new Stopped('heartbeat failed', { cause: error });
    }
  }

  async #recover(fault: unknown, attempt: number, control: BatchControl): Promise<void> {
    const { metrics, logger } = this.#options;
    let error = fault;
    for (let tries = attempt; !this.#isStopped; tries++) {
      if (error instanceof AppError && error.code === 'SINK_FENCED') metrics.aggregateFenced.inc();
      if (!isBusy(error) && !isLost(error)) throw error;
      const delayMs = retryDelaysMs[tries];
      const code = isLost(error) ? 'STORE_UNREACHABLE' : 'STORE_BUSY';
      if (delayMs === undefined)
        throw new AppError('STORE_UNREACHABLE', { partition: this.partition, tries }, error);
      metrics.retries.inc({ room: 'aggregate', code });
      if (code === 'STORE_UNREACHABLE') metrics.faults.note('aggregate', code);
      logger.warn({ partition: this.partition, code, delayMs, err: error }, 'batch tried again');
      await setTimeout(delayMs);
      if (control.stale()) this.#isStopped = true;
      if (this.#isStopped) return;
      try {
        await control.heartbeat();
        const before = this.#held;
        this.#held = await hold(this.#options, before.store.epoch);
        // Closed meanwhile: nobody else would cut this connection.
        if (this.#isStopped) this.#held.store.destroy();
        else refuseLostCommits(before, this.#held);
        return;
      } catch (next) {
        error = next;
      }
    }
  }
}

/** How long a step in hand may take to end when the worker is closed, ms. */
const closeTimeoutMs = 2000;

/** The worker gives up its batch: stopped, or (with a cause) told so by the log. */
class Stopped extends Error {}

const logFault = (error: unknown, partition: number): AppError =>
  isAppError(error) ? error : new AppError('LOG_UNREACHABLE', { partition }, error);

const hold = ({ claim, rules, limits }: WorkerOptions, epoch: number | null): Promise<Held> =>
  holdPartition({ ...claim, epoch }, rules, limits);
