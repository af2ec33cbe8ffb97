import type { Connection } from 'mysql2/promise';
import type { EpochMs } from '../contracts/time.ts';
import { systemClock } from '../platform/clock.ts';
import type { Clock } from '../platform/clock.ts';
import { pause } from '../platform/lifecycle.ts';
import { mysqlError } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { batches } from './batch.ts';
import type { Batch } from './batch.ts';
import { createCloudSchema, openPlayer } from './schema.ts';
import type { Statement } from './statement.ts';

/**
 * How fast a plan is played.
 *
 * - `history`: in commit order on one connection, each transaction with its planned commit time
 *   (SET TIMESTAMP), as fast as the server takes it;
 * - `flood`: as fast as several connections go, each row committed by itself, commit times are the
 *   server's; only a detail is sure to come after its event;
 * - a rate: with the server's commit times; event times are as planned, or are moved so that each
 *   event was created as long ago as its planned commit lag.
 */
export type Pace =
  'history' | 'flood' | { readonly eventsPerSecond: number; readonly created: 'planned' | 'now' };

export interface PlayOptions {
  readonly target: MysqlTarget;
  readonly cloudSchema: string;
  readonly pace: Pace;
  /** Makes missing tables first. */
  readonly createSchema?: boolean;
  /** `flood` only; default 4. */
  readonly connections?: number;
  /** More than 1 puts so many events into one insert (and gives up their own transactions). */
  readonly rowsPerInsert?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (counts: PlayCounts) => void;
  readonly clock?: Clock;
}

export interface PlayCounts {
  readonly statements: number;
  readonly events: number;
  readonly details: number;
  /** Planned commit time of the newest statement played; 0 before the first. */
  readonly lastCommitMs: EpochMs;
}

/**
 * Writes a plan to the database; ends early, without an error, when the signal aborts.
 * @throws SOURCE_UNREACHABLE, SOURCE_ACCESS_DENIED; the server's own error when a row is refused.
 */
export async function play(
  statements: Iterable<Statement>,
  options: PlayOptions,
): Promise<PlayCounts> {
  if (options.createSchema) await createCloudSchema(options.target, options.cloudSchema);
  const counts = { statements: 0, events: 0, details: 0, lastCommitMs: 0 };
  const isFlood = options.pace === 'flood';
  const lanes = isFlood ? (options.connections ?? 4) : 1;
  const connections: Connection[] = [];
  try {
    for (let i = 0; i < lanes; i += 1) connections.push(await openPlayer(options.target));
    const say = (batch: Batch): void => {
      counts.statements += batch.statements;
      counts.events += batch.events;
      counts.details += batch.details;
      counts.lastCommitMs = Math.max(counts.lastCommitMs, batch.lastCommitMs);
      options.onProgress?.({ ...counts });
    };
    if (isFlood) await flood(statements, connections, options, say);
    else await inOrder(statements, connections[0]!, options, say);
    return { ...counts };
  } catch (cause) {
    throw mysqlError(cause, options.target, 'SOURCE');
  } finally {
    await Promise.allSettled(connections.map((connection) => connection.end()));
  }
}

async function inOrder(
  statements: Iterable<Statement>,
  connection: Connection,
  options: PlayOptions,
  say: (batch: Batch) => void,
): Promise<void> {
  const { cloudSchema, pace, rowsPerInsert = 1, signal } = options;
  if (typeof pace === 'object') return atRate(statements, connection, options, pace, say);
  for (const batch of batches(statements, { cloudSchema, planned: true, rowsPerInsert })) {
    if (signal.aborted) return;
    await connection.query(batch.sql);
    say(batch);
  }
}

/** Plays a tenth of a second's events, then waits for the rest of it. */
async function atRate(
  statements: Iterable<Statement>,
  connection: Connection,
  { cloudSchema, signal, clock = systemClock }: PlayOptions,
  pace: { eventsPerSecond: number; created: 'planned' | 'now' },
  say: (batch: Batch) => void,
): Promise<void> {
  const startMs = clock.now();
  const slice: Statement[] = [];
  let planned = 0;
  let sent = 0;
  const send = async (): Promise<void> => {
    const live = pace.created === 'now' ? slice.map((s) => moveToNow(s, clock.now())) : slice;
    for (const batch of batches(live, { cloudSchema, planned: false, rowsPerInsert: 1 })) {
      await connection.query(batch.sql);
      say(batch);
    }
    slice.length = 0;
  };
  for (const statement of statements) {
    const due = planned - sent >= pace.eventsPerSecond / 10;
    if (due && statement.tx !== slice.at(-1)?.tx) {
      await send();
      sent = planned;
      await pause(startMs + (planned / pace.eventsPerSecond) * 1000 - clock.now(), signal);
    }
    if (signal.aborted) return;
    slice.push(statement);
    if (statement.kind === 'event') planned += 1;
  }
  await send();
}

function moveToNow(statement: Statement, nowMs: EpochMs): Statement {
  if (statement.kind !== 'event') return statement;
  const lagMs = statement.commitMs - statement.event.createdMs;
  const createdMs = Math.floor((nowMs - lagMs) / 1000) * 1000;
  return { ...statement, event: { ...statement.event, createdMs } };
}

/** Deals the statements out by event; each lane sends its next batch as soon as the last is done. */
async function flood(
  statements: Iterable<Statement>,
  connections: readonly Connection[],
  options: PlayOptions,
  say: (batch: Batch) => void,
): Promise<void> {
  const { cloudSchema, rowsPerInsert = 1, signal } = options;
  const lanes = connections.map((): Statement[] => []);
  const flush = async (): Promise<void> => {
    await Promise.all(
      lanes.map(async (lane, i) => {
        for (const batch of batches(lane, { cloudSchema, planned: false, rowsPerInsert })) {
          if (signal.aborted) return;
          await connections[i]!.query(batch.sql);
          say(batch);
        }
        lane.length = 0;
      }),
    );
  };
  let [held, tx] = [0, 0];
  for (const statement of statements) {
    lanes[Number(laneKey(statement).slice(-6)) % lanes.length]!.push({ ...statement, tx: tx++ });
    if (++held < 2_500 * lanes.length) continue;
    await flush();
    held = 0;
    if (signal.aborted) return;
  }
  await flush();
}

function laneKey(statement: Statement): string {
  if (statement.kind === 'event') return statement.event.id;
  if (statement.kind === 'detail') return statement.detail.eventId;
  return '0';
}
