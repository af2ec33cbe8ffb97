import { AppError } from '../../platform/errors.ts';
import type { Connection } from '../../platform/mysql.ts';
import { tablesSeen } from './audit-tables.ts';
import type { Audited } from './audit-tables.ts';
import { nameAt, refuseLeadingSink, windowsFrom } from './boundary.ts';
import { lastJob, refuseLiveJava } from './java-jobs.ts';
import type { Problem } from './java-jobs.ts';
import type { TakeoverOptions } from './take-over.ts';

/** What can be said without reading the tables. @throws SINK_NOT_ALONE, TAKEOVER_REFUSED */
export async function beginning(
  connection: Connection,
  options: Pick<TakeoverOptions, 'cloudUsageSchema' | 'generation'>,
) {
  const { cloudUsageSchema, generation: wanted } = options;
  await refuseLiveJava(connection, cloudUsageSchema);
  await refuseLeadingSink(connection, wanted.schema);
  const last = await lastJob(connection, cloudUsageSchema);
  if (last === null)
    throw new AppError('TAKEOVER_REFUSED', {
      problems: ['no job of usage_job has ever succeeded: there is nothing to go on from'],
    });
  const { spec, window } = windowsFrom(last.boundaryMs, wanted.window);
  return { last, spec, window, name: wanted.name ?? nameAt(last.boundaryMs) };
}

/** @throws TAKEOVER_REFUSED when the tables are not those that were audited */
export async function refuseWritten(
  connection: Connection,
  schema: string,
  { seen }: Audited,
): Promise<void> {
  const now = await tablesSeen(connection, schema);
  if (now === seen) return;
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [
      'somebody wrote into the tables while they were audited: see that no usage server runs, and run it again',
    ],
    ...{ before: seen, now },
  });
}

/** A repair leaves usage_job as it is, and rows that quota has charged; the audit after it has judged both. */
export const isBeyondRepair = ({ name }: Problem): boolean =>
  name !== 'overlapping-jobs' && name !== 'stuck-events' && name !== 'duplicate-rows';
