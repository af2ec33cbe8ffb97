import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';

interface Billed {
  readonly type: number;
  /** Day of the window, from 0. */
  readonly day: number;
  readonly id: string | null;
  readonly vm: string | null;
  readonly seconds: number;
  readonly name: string | null;
}

/** Rows of an account in `cloud_usage`; times are rounded to the second, as the presets differ by a millisecond. */
export async function publishedDays(
  { pool, names }: Pipeline,
  startMs: EpochMs,
  account: number,
): Promise<Billed[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT usage_type, DATEDIFF(start_date, ?) AS day, usage_id, vm_instance_id, vm_name,
       ROUND(raw_usage * 3600) AS seconds
     FROM ${quoteName(names.cloudUsageSchema, 'cloud_usage')}
     WHERE account_id = ? ORDER BY start_date, usage_type, vm_instance_id, usage_id`,
    [sqlDateTime(startMs), account],
  );
  return rows.map((row) => ({
    type: Number(row['usage_type']),
    day: Number(row['day']),
    id: row['usage_id'] as string | null,
    vm: row['vm_instance_id'] as string | null,
    seconds: Number(row['seconds']),
    name: row['vm_name'] as string | null,
  }));
}

/** As `day 0 type 6 9@7 64800`: the resource, the machine if there is one, seconds. */
export const brief = (rows: readonly Billed[]) =>
  rows.map(({ type, day: n, id, vm: machine, seconds }) =>
    [`day ${n}`, `type ${type}`, machine === null ? id : `${id}@${machine}`, seconds].join(' '),
  );
