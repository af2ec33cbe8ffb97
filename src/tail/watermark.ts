import type { EpochMs } from '../contracts/time.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { compareBinlogPoints } from './binlog-point.ts';

/** The source's clock, taken before the end of its binlog was asked for. */
export interface ClockSample {
  readonly clockMs: EpochMs;
  readonly end: BinlogPoint;
}

/**
 * What can be said about source time: every change committed before `atMs` has been handed on.
 * `wall` learns it from samples of the server's clock, never from events, because a session may set
 * its own time; `source` from the commit times themselves, for histories and tests.
 */
export interface Watermark {
  readonly clock: 'wall' | 'source';
  /** Never goes back. null: nothing is known yet. */
  readonly atMs: EpochMs | null;
  /** The sample whose end has not been passed yet, if one is out. */
  readonly sample: ClockSample | null;
}

export const startWatermark = (clock: Watermark['clock'], atMs: EpochMs | null): Watermark => ({
  clock,
  atMs,
  sample: null,
});

/** A transaction with captured changes is about to be handed on. @param commitMs Time in its commit event's header. */
export const committed = (mark: Watermark, commitMs: EpochMs): Watermark =>
  mark.clock === 'source' ? raised(mark, commitMs) : mark;

/** The server's clock and the end of its binlog were read, in this order. */
export const sampled = (mark: Watermark, sample: ClockSample): Watermark =>
  mark.clock === 'wall' ? { ...mark, sample } : mark;

/** Everything up to `at` has been handed on. */
export const passed = (mark: Watermark, at: BinlogPoint): Watermark =>
  mark.sample !== null && compareBinlogPoints(at, mark.sample.end) >= 0
    ? raised({ ...mark, sample: null }, mark.sample.clockMs)
    : mark;

/** It is known by other means that nothing before `toMs` is missing. */
export const raised = (mark: Watermark, toMs: EpochMs): Watermark =>
  mark.atMs !== null && mark.atMs >= toMs ? mark : { ...mark, atMs: toMs };
