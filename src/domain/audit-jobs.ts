import type { EpochMs, Window } from '../contracts/time.ts';

/** A finished row of usage_job. Its end is the last millisecond, inclusive, as CloudStack keeps it. */
export interface FinishedJob {
  readonly id: string;
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  readonly isSuccess: boolean;
}

/** What a history of jobs says. */
export interface JobHistory {
  /** Successful jobs that brought new time, in id order, with the time that each billed first. */
  readonly billing: readonly { readonly jobId: string; readonly span: Window }[];
  /** Successful jobs that began before what was billed already: each wrote rows a second time. */
  readonly reruns: readonly Rerun[];
  /** Jobs without success whose start is after their end: a run that found nothing to do; harmless. */
  readonly bogus: readonly string[];
}

export interface Rerun {
  readonly jobId: string;
  /** Time that it billed again: from its start to the newest end before it. */
  readonly again: Window;
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

/** @param jobs Finished jobs in id order. */
export function jobHistory(jobs: Iterable<FinishedJob>): JobHistory {
  const billing: JobHistory['billing'][number][] = [];
  const reruns: Rerun[] = [];
  const bogus: string[] = [];
  let billedTo: EpochMs | null = null;
  for (const { id: jobId, startMs, endMs, isSuccess } of jobs) {
    if (!isSuccess) {
      if (startMs > endMs) bogus.push(jobId);
      continue;
    }
    if (billedTo !== null && startMs < billedTo)
      reruns.push({ jobId, again: { startMs, endMs: billedTo }, startMs, endMs: endMs + 1 });
    const span: Window = { startMs: Math.max(startMs, billedTo ?? startMs), endMs: endMs + 1 };
    if (span.startMs >= span.endMs) continue;
    billing.push({ jobId, span });
    billedTo = span.endMs;
  }
  return { billing, reruns, bogus };
}

/** Shorter than this, a leading piece is no window of its own: it belongs to the next. */
const mergedMs = 60_000;

/**
 * The windows into which a run cuts its time: full ranges counted back from its end, and before them what
 * is left, if it is longer than a minute.
 */
export function* windowsOfSpan({ startMs, endMs }: Window, rangeMs: number): Generator<Window> {
  const lead = (endMs - startMs) % rangeMs;
  let fromMs = startMs;
  // One millisecond less: ends are inclusive there.
  let toMs = lead === 0 || lead - 1 <= mergedMs ? startMs + lead + rangeMs : startMs + lead;
  if (toMs > endMs) toMs = endMs;
  while (fromMs < endMs) {
    yield { startMs: fromMs, endMs: toMs };
    fromMs = toMs;
    toMs += rangeMs;
  }
}

/** Every window with the job that billed it first, in order of time. */
export function* firstBilled(
  { billing }: Pick<JobHistory, 'billing'>,
  rangeMs: number,
): Generator<{ readonly window: Window; readonly jobId: string }> {
  for (const { jobId, span } of billing)
    for (const window of windowsOfSpan(span, rangeMs)) yield { window, jobId };
}
