import { mkdir, writeFile } from 'node:fs/promises';
import type { EventId } from '../../src/contracts/ids.ts';
import { u64 } from '../../src/contracts/ids.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { windowOf } from '../../src/domain/window.ts';
import { plan } from '../../src/simulate/plan.ts';
import { seededRandom } from '../../src/simulate/random.ts';
import type { Random } from '../../src/simulate/random.ts';
import { statementSql } from '../../src/simulate/sql.ts';
import type { Statement } from '../../src/simulate/statement.ts';
import { usageColumns } from '../support/published-lines.ts';
import { playSqlScript } from '../support/sql-script.ts';
import { choicesOf, combined } from './chances.ts';
import { committedEvents } from './committed-events.ts';
import { everyFault, runModel } from './java-model.ts';
import type { Faults } from './java-model.ts';
import { ServerWindows } from './server-windows.ts';

export interface MadeFolder {
  readonly seed: number;
  /** A start of a window of the time zone. */
  readonly fromMs: EpochMs;
  /** GMT when left out. */
  readonly timeZone?: string;
  readonly rangeMinutes: number;
  readonly windows: number;
  readonly runDelayMinutes: number;
  readonly accounts: number;
  /** Machines alive at a time: what the number of rows depends on. */
  readonly vms: number;
  /** Share of events, and of their details, that commit 1 minute to 3 hours late. */
  readonly lateShare: number;
  /** Share of the resources with events of one second for which the server takes another order. */
  readonly tieShare: number;
  readonly faults?: Partial<Faults>;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Files of a golden folder, by name. */
export type FolderFiles = ReadonlyMap<string, string>;

/**
 * Makes a folder of the golden form from a random history: what the simulator writes, with commits out of
 * order and some hours late, and the rows that the model of a usage server makes of it. They come from
 * our model and from no server: such a folder shows that the runner sorts differences, and how fast it
 * is, and nothing about the model itself.
 */
export function makeFolder(made: MadeFolder): FolderFiles {
  const { fromMs, rangeMinutes, runDelayMinutes, timeZone = 'GMT' } = made;
  const rangeMs = rangeMinutes * minuteMs;
  const toMs = endOf(made);
  const inputSql = inputOf(made, toMs);
  const changes = playSqlScript(inputSql);
  const windows = new ServerWindows({ fromMs, toMs, rangeMs, timeZone });
  const runs = windows.runs(runDelayMinutes * minuteMs);
  const random = seededRandom(made.seed + 1);
  const events = committedEvents(changes).map(({ event }) => event);
  const chance = combined(
    [...choicesOf(events).values()].flatMap((choices) =>
      random.chance(made.tieShare) ? [random.pick(choices)] : [],
    ),
  );
  const faults = { ...everyFault, undo: 'none' as const, ...made.faults };
  const { rows } = runModel({ changes, rangeMs, runs }, faults, { chance });
  const lines = [...rows].flatMap(([line, count]) => Array.from({ length: count }, () => line));
  const run = {
    rangeMinutes,
    from: sqlDateTime(fromMs),
    to: sqlDateTime(toMs),
    runDelayMinutes,
    timezone: timeZone,
  };
  const table = runs.map(
    ({ startMs, endMs, runMs }) =>
      `${sqlDateTime(startMs)}..${sqlDateTime(endMs - 1)}\t${sqlDateTime(runMs)}`,
  );
  return new Map([
    ['run.json', `${JSON.stringify(run, null, 1)}\n`],
    ['input.sql', inputSql],
    ['cloud_usage.tsv', `${[usageColumns.join('\t'), ...lines].join('\n')}\n`],
    ['windows.tsv', `${['window\trun_at', ...table].join('\n')}\n`],
  ]);
}

/** End of the last window. */
function endOf({ fromMs, rangeMinutes, windows, timeZone = 'GMT' }: MadeFolder): EpochMs {
  const spec = { rangeMinutes, timeZone, originMs: fromMs };
  let endMs = fromMs;
  for (let n = 0; n < windows; n++) ({ endMs } = windowOf(endMs, spec));
  return endMs;
}

/** @param where Ends in a slash; made when it is not there. */
export async function writeFolder(where: URL, files: FolderFiles): Promise<void> {
  await mkdir(where, { recursive: true });
  for (const [name, text] of files) await writeFile(new URL(name, where), text);
}

interface Committed {
  readonly statement: Statement;
  /** Whole seconds. */
  readonly commitMs: EpochMs;
  /** When its id was given. */
  readonly idMs: EpochMs;
}

/** The history as statements of one commit each. */
function inputOf(made: MadeFolder, toMs: EpochMs): string {
  const { seed, fromMs, accounts, vms } = made;
  const days = (toMs - fromMs) / dayMs;
  const random = seededRandom(seed);
  const planned = plan({ seed, startMs: fromMs, days, zones: 3, accounts, vms, everything: true });
  const committed = [...planned].map((statement) => lateOrNot(statement, random, made.lateShare));
  const ids = newIds(committed);
  const commits = new Map(
    committed.flatMap(({ statement: one, commitMs }) =>
      one.kind === 'event' ? [[one.event.id, commitMs] as const] : [],
    ),
  );
  const lines = ["SET FOREIGN_KEY_CHECKS=0; SET time_zone='+00:00';"];
  let nowMs = 0;
  const inOrder = committed
    .map((one) => ({ ...one, commitMs: afterItsEvent(one, commits) }))
    .toSorted((a, b) => a.commitMs - b.commitMs);
  for (const { statement, commitMs } of inOrder) {
    if (commitMs !== nowMs) lines.push(`SET TIMESTAMP=${commitMs / 1000};`);
    nowMs = commitMs;
    const sql = statementSql('cloud', renumbered(statement, ids)).replaceAll('`', '');
    lines.push(`${sql.replaceAll(/\n\s*/g, ' ')};`);
  }
  return `${lines.join('\n')}\n`;
}

/** A late event is one of a slow transaction, with its id from before, or of a clock that is slow. */
function lateOrNot(statement: Statement, random: Random, lateShare: number): Committed {
  const commitMs = Math.floor(statement.commitMs / 1000) * 1000;
  const idMs = statement.kind === 'event' ? statement.event.createdMs : commitMs;
  const canBeLate = statement.kind === 'event' || statement.kind === 'detail';
  if (!canBeLate || !random.chance(lateShare)) return { statement, commitMs, idMs };
  const lateMs = commitMs + random.whole(60, 3 * 3600) * 1000;
  return { statement, commitMs: lateMs, idMs: random.chance(0.5) ? idMs : lateMs };
}

function newIds(committed: readonly Committed[]): ReadonlyMap<EventId, EventId> {
  const events = committed
    .flatMap(({ statement, idMs }) => (statement.kind === 'event' ? [{ ...statement, idMs }] : []))
    .toSorted((a, b) => a.idMs - b.idMs || Number(a.event.id) - Number(b.event.id));
  return new Map(events.map(({ event }, n) => [event.id, u64<EventId>(String(n + 1))]));
}

const afterItsEvent = (
  { statement, commitMs }: Committed,
  commits: ReadonlyMap<EventId, EpochMs>,
): EpochMs =>
  statement.kind === 'detail'
    ? Math.max(commitMs, (commits.get(statement.detail.eventId) ?? 0) + 1000)
    : commitMs;

function renumbered(statement: Statement, ids: ReadonlyMap<EventId, EventId>): Statement {
  const idOf = (id: EventId): EventId => ids.get(id) ?? id;
  if (statement.kind === 'event')
    return { ...statement, event: { ...statement.event, id: idOf(statement.event.id) } };
  if (statement.kind !== 'detail') return statement;
  const { detail } = statement;
  return { ...statement, detail: { ...detail, eventId: idOf(detail.eventId) } };
}
