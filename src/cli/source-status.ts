import { sqlDateTime } from '../contracts/time.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { HealRecord, PositionRecord } from '../tail/position.ts';
import { readSourceStatus } from '../tail/source-state.ts';
import type { SourceState } from '../tail/source-state.ts';

/** What `status` shows of the followed source; null where it was never followed. */
export interface SourceStatus {
  readonly state: SourceState['state'] | null;
  readonly server: string | null;
  /** How it went on when it last connected, and why not simply from its place. */
  readonly how: SourceState['how'];
  readonly why: string | null;
  readonly since: string | null;
  readonly position: {
    readonly file: string;
    readonly pos: number;
    readonly gtid: string | null;
    readonly serverId: number;
    readonly incarnation: number;
  } | null;
  readonly watermark: string | null;
  readonly healed: HealRecord | null;
  /** Of the fault that it stopped or waits for: what to do. */
  readonly code: string | null;
  readonly fix: string | null;
}

export async function sourceStatus(
  log: EventLog,
  prefix: string,
  signal: AbortSignal,
): Promise<SourceStatus | null> {
  const { position, state } = await readSourceStatus(log, prefix, signal);
  if (position === null && state === null) return null;
  return {
    state: state?.state ?? null,
    server: state?.server ?? null,
    how: state?.how ?? null,
    why: state?.why ?? null,
    since: gmt(state?.atMs ?? null),
    position: position && placeOf(position),
    watermark: gmt(position?.watermarkMs ?? null),
    healed: position?.healed ?? null,
    code: state?.code ?? null,
    fix: state?.fix ?? null,
  };
}

/** The same in lines for a person. */
export function sourceLines(source: SourceStatus | null): readonly string[] {
  if (source === null) return ['source: not followed yet'];
  const { position, healed } = source;
  const because = source.why === null ? '' : ` (${source.why})`;
  return [
    `source: ${source.server ?? '?'}, ${source.state ?? '?'} since ${source.since ?? '?'}, by ${source.how ?? '?'}${because}`,
    ...(position
      ? [
          `position: server ${position.serverId}, ${position.file}:${position.pos}, GTID ${position.gtid ?? '-'}, incarnation ${position.incarnation}, watermark ${source.watermark ?? '-'}`,
        ]
      : []),
    ...(healed
      ? [
          `last healed by id: ${gmt(healed.atMs)} (${healed.why}): ${healed.events} events, ${healed.details} details, ${healed.facts} other rows; ${healed.conflicts} conflicts, ${healed.lostOnSource} events lost on the source${healed.newIncarnation ? '; a new incarnation began' : ''}; counters unknown in detail since ${gmt(healed.gapFromMs) ?? 'the start'}`,
        ]
      : []),
    ...(source.fix === null ? [] : [`${source.state}: ${source.fix}`]),
  ];
}

const placeOf = ({ file, pos, gtid, serverId, incarnation }: PositionRecord) => ({
  file,
  pos,
  gtid,
  serverId,
  incarnation,
});

const gmt = (ms: number | null): string | null => (ms === null ? null : `${sqlDateTime(ms)} GMT`);
