import { sqlDateTime } from '../../contracts/time.ts';
import type { EpochMs, Window } from '../../contracts/time.ts';
import { hasOrigin, toOrigin, windowOf } from '../../domain/window.ts';
import type { WindowSpec } from '../../domain/window.ts';
import { AppError } from '../../platform/errors.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../../platform/mysql.ts';

/**
 * How the windows go on that a Java server ended at the boundary, and the first of them. Those of a range that
 * begins somewhere have the boundary for their origin.
 *
 * @throws TAKEOVER_REFUSED when the boundary lies within a window
 */
export function windowsFrom(
  boundaryMs: EpochMs,
  wanted: WindowSpec,
): { readonly spec: WindowSpec; readonly window: Window } {
  const { rangeMinutes } = wanted;
  const isFree = hasOrigin(rangeMinutes) && boundaryMs % 60_000 === 0;
  const spec = isFree ? { ...wanted, originMs: toOrigin(boundaryMs, rangeMinutes) } : wanted;
  const window = windowOf(boundaryMs, spec);
  if (window.startMs === boundaryMs) return { spec, window };
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [
      `the last job ended at ${sqlDateTime(boundaryMs - 1)} GMT, within a window (${sqlDateTime(window.startMs)} .. ${sqlDateTime(window.endMs - 1)} with --range ${spec.rangeMinutes} --time-zone ${spec.timeZone}): let the Java server finish one more job at its usual time, or give the range and time zone that it works with`,
    ],
  });
}

/** The name of the generation that begins at an instant: the same boundary is taken over once. */
export const nameAt = (ms: EpochMs): string =>
  `java-${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** @throws TAKEOVER_REFUSED while a sink of UsageStream publishes */
export async function refuseLeadingSink(connection: Connection, schema: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT owner FROM ${quoteName(schema, 'lease')}
     WHERE name = 'sink' AND expires_at > UTC_TIMESTAMP(3)`,
  );
  if (rows[0])
    throw new AppError('TAKEOVER_REFUSED', {
      problems: [`a sink of UsageStream leads (${rows[0]['owner']}): stop it first`],
    });
}
