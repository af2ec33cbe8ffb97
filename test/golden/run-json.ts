import { z } from 'zod';
import type { EpochMs } from '../../src/contracts/time.ts';
import { timeZone } from '../../src/domain/time-zone.ts';
import { sqlMs } from '../support/sql-script.ts';

/** How the runs of a golden folder were. */
export interface GoldenRun {
  readonly rangeMs: number;
  /** Start of the first window and end of the last. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** How long after the end of its window a run was. */
  readonly runDelayMs: number;
  /** usage.aggregation.timezone; undefined when it is not said. */
  readonly timeZone: string | undefined;
  /** Keys of run.json that say nothing to us. */
  readonly unread: readonly string[];
}

const minuteMs = 60_000;
const instant = z.string().transform((text, ctx) => {
  try {
    return sqlMs(text) ?? 0;
  } catch {
    ctx.addIssue(`not a time in GMT such as 2026-03-01 00:00:00: ${text}`);
    return z.NEVER;
  }
});
const zone = z.string().refine(isZone, 'no time zone that is known');

/** Settings may also have the names that CloudStack gives them. */
const settingNames: Readonly<Record<string, string>> = {
  'usage.stats.job.aggregation.range': 'rangeMinutes',
  'usage.aggregation.timezone': 'timezone',
  'usage.stats.job.exec.time': 'execTime',
  'usage.execution.timezone': 'execTimezone',
};

const Run = z.object({
  rangeMinutes: z.coerce.number().int().positive(),
  from: instant,
  to: instant,
  /** What a run waits for its window's end; when it is not said, what the execution time makes of it. */
  runDelayMinutes: z.coerce.number().nonnegative().optional(),
  timezone: zone.nullish(),
  execTime: z
    .string()
    .regex(/^\d{1,2}:\d{1,2}$/, 'not a time such as 00:15')
    .optional(),
  execTimezone: zone.nullish(),
});

/** A server's first run after midnight, when nobody says otherwise. */
const usualDelayMs = 15 * minuteMs;

/** Reads run.json. @throws Error naming every key that is missing or wrong. */
export function readRunJson(text: string): GoldenRun {
  const given = Object.entries(parseObject(text)).map(
    ([key, value]) => [settingNames[key] ?? key, value] as const,
  );
  const result = Run.safeParse(Object.fromEntries(given));
  if (!result.success) {
    const wrong = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`run.json: ${wrong.join('; ')}`);
  }
  const { rangeMinutes, from: fromMs, to: toMs, runDelayMinutes, timezone } = result.data;
  const rangeMs = rangeMinutes * minuteMs;
  return {
    rangeMs,
    fromMs,
    toMs,
    runDelayMs:
      runDelayMinutes === undefined
        ? delayOf(result.data, rangeMs)
        : Math.round(runDelayMinutes * minuteMs),
    timeZone: timezone ?? undefined,
    unread: given.map(([key]) => key).filter((key) => !(key in Run.shape)),
  };
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('run.json: not JSON', { cause });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new Error('run.json: not an object');
}

/** From the end of the last window to the execution time in its zone that is next, or a range before it. */
function delayOf({ to, execTime, execTimezone }: z.infer<typeof Run>, rangeMs: number): number {
  if (execTime === undefined) return Math.min(usualDelayMs, rangeMs / 2);
  const [hours = 0, minutes = 0] = execTime.split(':').map(Number);
  const midnight = timeZone(execTimezone ?? 'GMT').dayAround(to).startMs;
  const after = midnight + (hours * 60 + minutes) * minuteMs - to;
  return ((after % rangeMs) + rangeMs) % rangeMs;
}

function isZone(name: string): boolean {
  try {
    timeZone(name);
    return true;
  } catch {
    return false;
  }
}
