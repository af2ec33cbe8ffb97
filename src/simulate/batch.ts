import type { EpochMs } from '../contracts/time.ts';
import { detailsSql, eventsSql, statementSql } from './sql.ts';
import type { Statement } from './statement.ts';

/** SQL text for one message to the server, and what it holds. */
export interface Batch {
  readonly sql: string;
  readonly statements: number;
  readonly events: number;
  readonly details: number;
  readonly lastCommitMs: EpochMs;
}

export interface BatchOptions {
  readonly cloudSchema: string;
  /** Commit at the planned times, by SET TIMESTAMP, so that the binlog carries them. */
  readonly planned: boolean;
  /** 1: each transaction as planned; more: so many events in one insert, details after them. */
  readonly rowsPerInsert: number;
}

/** Statements of one batch: enough to hide the round trip, few enough to stop soon. */
const batchStatements = 250;
/** Events merged into one insert commit with the last of them: never later than this. */
const mergeMs = 60_000;

/** Renders statements, in order, into messages. */
export function* batches(
  statements: Iterable<Statement>,
  options: BatchOptions,
): Generator<Batch, void, undefined> {
  let group: Statement[] = [];
  let groups: Statement[][] = [];
  let size = 0;
  for (const statement of statements) {
    if (group.length > 0 && !joins(group, statement, options)) {
      groups.push(group);
      size += group.length;
      group = [];
      if (size >= Math.max(batchStatements, options.rowsPerInsert)) {
        yield render(groups, options);
        groups = [];
        size = 0;
      }
    }
    group.push(statement);
  }
  if (group.length > 0) groups.push(group);
  if (groups.length > 0) yield render(groups, options);
}

function joins(group: readonly Statement[], next: Statement, options: BatchOptions): boolean {
  const first = group[0]!;
  if (first.tx === next.tx) return true;
  const isRow = (s: Statement): boolean => s.kind === 'event' || s.kind === 'detail';
  return (
    group.length < options.rowsPerInsert &&
    isRow(first) &&
    isRow(next) &&
    (!options.planned || next.commitMs - first.commitMs < mergeMs)
  );
}

function render(groups: readonly (readonly Statement[])[], options: BatchOptions): Batch {
  const all = groups.flat();
  return {
    sql: groups.map((group) => renderGroup(group, options)).join(';'),
    statements: all.length,
    events: all.filter((s) => s.kind === 'event').length,
    details: all.filter((s) => s.kind === 'detail').length,
    lastCommitMs: all.at(-1)?.commitMs ?? 0,
  };
}

function renderGroup(group: readonly Statement[], options: BatchOptions): string {
  const { cloudSchema } = options;
  const last = group.at(-1)!;
  const sql = options.rowsPerInsert > 1 ? merge(group, cloudSchema) : undefined;
  const parts = sql ?? group.map((statement) => statementSql(cloudSchema, statement));
  const whole = parts.length === 1 ? parts : ['BEGIN', ...parts, 'COMMIT'];
  if (options.planned) whole.unshift(`SET TIMESTAMP=${last.commitMs / 1000}`);
  return whole.join(';');
}

function merge(group: readonly Statement[], cloudSchema: string): string[] | undefined {
  const events = group.flatMap((s) => (s.kind === 'event' ? [s.event] : []));
  const details = group.flatMap((s) => (s.kind === 'detail' ? [s.detail] : []));
  if (events.length + details.length < group.length) return undefined;
  return [
    ...(events.length > 0 ? [eventsSql(cloudSchema, events)] : []),
    ...(details.length > 0 ? [detailsSql(cloudSchema, details)] : []),
  ];
}
