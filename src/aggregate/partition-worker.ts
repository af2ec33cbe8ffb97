import { setImmediate, setTimeout } from 'node:timers/promises';
import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { BatchControl, LogBatch } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { AccountBook } from './account-book.ts';
import { BaseEvents } from './base-events.ts';
import { claimPartition } from './claim.ts';
import type { ClaimOptions } from './claim.ts';
import { closeWindows } from './close-windows.ts';
import type { CloseContext, FoldRules } from './close-windows.ts';
import { SettingsBook } from './cloud-settings.ts';
import { FoldResults } from './fold-results.ts';
import type { Limits } from './limits.ts';
import { loadRoster } from './load-accounts.ts';
import { readRepairs, repairAccounts } from './repair-accounts.ts';
import { isBusy, isLost } from '../platform/store-fault.ts';
import type { PartitionStore, Progress } from './store.ts';
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
  #store: PartitionStore;
  #progress: Progress;
  #book: AccountBook;
  #settings: SettingsBook;
  #before: BaseEvents;
  /** Accounts to be folded again before the next batch. */
  #repairs: readonly AccountId[];
  #foreign = new Set<AccountId>();
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: WorkerOptions, held: Awaited<ReturnType<typeof hold>>) {
    this.partition = options.claim.partition;
    this.#options = options;
    this.#store = held.store;
    this.#progress = held.progress;
    this.#book = held.book;
    this.#settings = held.settings;
    this.#before = held.before;
    this.#repairs = held.repairs;
  }

  /** Claims the partition; see {@link claimPartition} for errors. */
  static async open(options: WorkerOptions): Promise<PartitionWorker> {
    const worker = new PartitionWorker(options, await hold(options, null));
    const { epoch } = worker.#store;
    const { nextOffset, closedUntilMs } = worker.#progress;
    const { partition } = worker;
    options.logger.info({ partition, epoch, nextOffset, closedUntilMs }, 'partition claimed');
    return worker;
  }

  get nextOffset(): number {
    return this.#progress.nextOffset;
  }

  get closedUntilMs(): EpochMs | null {
    return this.#progress.closedUntilMs;
  }

  /**
   * Stores one batch. Returns without having done so only when this worker was stopped or lost its
   * partition: it then takes no further batch.
   *
   * @throws SINK_FENCED, STORE_UNREACHABLE after some tries, and what no try can mend.
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
    this.#store.destroy();
  }

  async #handle(batch: LogBatch, control: BatchControl): Promise<void> {
    for (let attempt = 0; !this.#isStopped; attempt++) {
      try {
        return await this.#process(batch, control);
      } catch (error) {
        this.#store.destroy();
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
    const from = this.#progress.nextOffset;
    if (batch.nextOffset <= from) return;
    const store = this.#store;
    const endTimer = metrics.batchMs.startTimer();
    this.#tally.clear();
    const unit = new Unit({
      store,
      book: this.#book,
      tally: this.#tally,
      foreign: this.#foreign,
      settings: this.#settings,
      before: this.#before,
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
    let now = this.#progress;
    let at = records.findIndex((record) => record.offset >= from);
    if (at === -1) at = records.length;
    const results = new FoldResults(store, this.#tally);
    const context: CloseContext = {
      rules,
      results,
      limits,
      store,
      book: this.#book,
      tally: this.#tally,
      before: this.#before,
      isLarge,
      isQuotaOn: () => this.#settings.isQuotaOn,
      pause: () => this.#pause(control),
      split: async (progress) => {
        await store.commit(progress);
        await begin(progress.nextOffset);
      },
    };
    if (this.#repairs.length > 0) await repairAccounts(context, this.#repairs, now);
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
      if (this.#book.isOver) this.#book.trim();
    }
    if (control.stale()) throw new Stopped();
    await results.flushStates();
    await store.commit(now);
    endTimer();
    this.#progress = now;
    this.#repairs = [];
    this.#book.trim();
    this.#report(batch);
  }

  #report(batch: LogBatch): void {
    const { logger, metrics, onProgress } = this.#options;
    const { partition } = this;
    const { nextOffset, watermarkMs, closedUntilMs } = this.#progress;
    const lag = Math.max(0, batch.endOffset - nextOffset);
    const events = this.#tally.total('event');
    const rows = this.#tally.total('row');
    const windows = this.#tally.total('window');
    metrics.aggregateLagRecords.set({ partition }, lag);
    metrics.faults.clear('aggregate');
    this.#tally.publish(metrics);
    for (const note of this.#settings.takeNotes())
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
        const held = await hold(this.#options, this.#store.epoch);
        this.#store = held.store;
        this.#progress = held.progress;
        this.#book = held.book;
        this.#settings = held.settings;
        this.#before = held.before;
        this.#repairs = held.repairs;
        this.#foreign = new Set();
        // Closed meanwhile: nobody else would cut this connection.
        if (this.#isStopped) held.store.destroy();
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

async function hold(options: WorkerOptions, epoch: number | null) {
  const { store, progress } = await claimPartition({ ...options.claim, epoch });
  const book = new AccountBook(options.limits.memoryBytes);
  await loadRoster(store, book);
  const settings = await SettingsBook.open(store, options.rules);
  const repairs = await readRepairs(store);
  const before = await BaseEvents.open(store, { partition: store.partition });
  return { store, progress, book, settings, repairs, before };
}
