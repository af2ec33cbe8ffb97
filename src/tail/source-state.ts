import { z } from 'zod';
import { EpochMsSchema } from '../contracts/time.ts';
import type { AppError } from '../platform/errors.ts';
import type { EventLog, OutRecord } from '../platform/log/log.ts';
import { positions } from '../../streams/positions.ts';
import { decodePosition, readNewest } from './position.ts';
import type { PositionRecord } from './position.ts';

/** What the tailer does with its source, for people: beside the position, under a key of its own. */
export const SourceState = z.object({
  v: z.literal(1),
  source: z.string(),
  state: z.enum(['snapshot', 'following', 'healing', 'polling', 'adopting', 'waiting', 'stopped']),
  /** How it went on when it last connected. */
  how: z.enum(['start', 'position', 'gtid', 'heal', 'poll', 'adopt']).nullable(),
  why: z.string().nullable(),
  /** `host:port` and the server's words for its version; `Debezium` and its prefix when its topics are adopted. */
  server: z.string(),
  /** Of the fault that it waits or stopped for. */
  code: z.string().nullable(),
  fix: z.string().nullable(),
  /** Our clock when it began. */
  atMs: EpochMsSchema,
});
export type SourceState = z.infer<typeof SourceState>;

const keyOf = (source: string): string => `${source}/state`;

export const encodeState = (prefix: string, state: SourceState): OutRecord => ({
  topic: positions.topic(prefix),
  partition: 0,
  key: keyOf(state.source),
  value: JSON.stringify(state),
});

/** The state after a fault; null for faults that say nothing about the source. */
export function faultState(
  error: AppError,
  before: Pick<SourceState, 'source' | 'how' | 'server'>,
  atMs: number,
): SourceState | null {
  if (!/^(SOURCE|TAIL|ADOPT|OFFSETS)_/.test(error.code) || error.retry === 'restart') return null;
  const { reason } = error.facts;
  return {
    v: 1,
    ...before,
    state: error.retry === 'never' ? 'stopped' : 'waiting',
    why: typeof reason === 'string' ? reason : null,
    code: error.code,
    fix: error.explain(),
    atMs,
  };
}

/** What the log says about a source: its position and its state, null where there is none. */
export async function readSourceStatus(
  log: EventLog,
  prefix: string,
  signal: AbortSignal,
): Promise<{ readonly position: PositionRecord | null; readonly state: SourceState | null }> {
  const found = await readNewest(log, prefix, [prefix, keyOf(prefix)], signal);
  const position = found.get(prefix);
  const state = found.get(keyOf(prefix));
  return {
    position: position === undefined ? null : decodePosition(position),
    state: state === undefined ? null : SourceState.parse(JSON.parse(state)),
  };
}
