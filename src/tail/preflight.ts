import { AppError, isAppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { openConnection } from '../platform/mysql.ts';
import type { Connection, MysqlTarget } from '../platform/mysql.ts';
import { checkAccess } from './preflight-access.ts';
import { needed } from './preflight-poll.ts';
import { checkReplica } from './preflight-replica.ts';
import { checkSchema } from './preflight-schema.ts';
import { checkServer } from './preflight-server.ts';

/** One thing that was looked at, and what to do about it. */
export interface Finding {
  /** For example `binlog_format`. */
  readonly check: string;
  /** `fatal`: the tail cannot work or would lose changes. `warning`: it works, but see `why`. */
  readonly level: 'ok' | 'warning' | 'fatal';
  readonly found: string;
  readonly why?: string;
  /** The statement to run, or the line of my.cnf to set. */
  readonly fix?: string;
  /** Facts for programs, such as the columns that a table lacks. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface PreflightOptions {
  readonly target: MysqlTarget;
  readonly cloudSchema: string;
  /** `poll` needs neither a binlog nor the right to read one; default binlog. */
  readonly sourceMode?: 'binlog' | 'poll';
  /** The server id that the tail will use. */
  readonly serverId: number;
}

/** Looks at everything that the tail needs of its source. Reads only. @throws SOURCE_UNREACHABLE when the connection breaks. */
export async function preflight(
  connection: Connection,
  options: PreflightOptions,
  clock: Clock,
): Promise<readonly Finding[]> {
  const access = needed(options, await checkAccess(connection, options));
  // A user who may read nothing sees no columns either: the grants are the finding then.
  const readable = access.every((finding) => finding.level !== 'fatal');
  return [
    ...needed(options, await checkServer(connection, options, clock)),
    ...needed(options, await checkReplica(connection)),
    ...access,
    ...(readable ? await checkSchema(connection, options) : []),
  ];
}

/** The same from the start, for an operator: not reaching the server and wrong credentials are findings too. */
export async function preflightTarget(
  options: PreflightOptions,
  clock: Clock,
): Promise<readonly Finding[]> {
  const { target } = options;
  try {
    const connection = await openConnection(target, 'SOURCE');
    try {
      const found = `${target.user}@${target.host}:${target.port}`;
      return [
        { check: 'connection', level: 'ok', found },
        ...(await preflight(connection, options, clock)),
      ];
    } finally {
      connection.destroy();
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    const cause = error.cause instanceof Error ? error.cause.message : error.code;
    return [{ check: 'connection', level: 'fatal', found: cause, fix: error.explain() }];
  }
}

/**
 * @throws SOURCE_SCHEMA_MISMATCH when tables or columns are missing, SOURCE_NOT_READY for the other fatal
 *   findings, with the statements that fix them as facts.
 */
export function requireReady(findings: readonly Finding[]): void {
  const fatal = findings.filter((finding) => finding.level === 'fatal');
  if (fatal.length === 0) return;
  const schema = fatal.filter((finding) => finding.check.startsWith('table '));
  if (schema.length === fatal.length)
    throw new AppError('SOURCE_SCHEMA_MISMATCH', {
      tables: schema.map((finding) => finding.facts ?? finding.found),
    });
  throw new AppError('SOURCE_NOT_READY', {
    problems: fatal.map(({ check, found, fix }) => ({ check, found, ...(fix ? { fix } : {}) })),
  });
}
