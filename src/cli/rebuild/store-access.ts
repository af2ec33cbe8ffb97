import { checkSchema } from '../../platform/migrate.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { openPool } from '../../platform/mysql.ts';
import type { MysqlTarget, Pool } from '../../platform/mysql.ts';
import { storeFault } from '../../platform/store-fault.ts';
import type { CommandContext } from '../command.ts';
import { openLog } from '../open-log.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { targetOf } from '../stages.ts';

/** Settings of commands that look at our schema alone. */
export const storeTakes = ['sink', 'sinkPassword', 'schema'] as const satisfies SettingKey[];
/** Settings of commands that read the feed as well. */
export const feedTakes = [
  ...storeTakes,
  'log',
  'logPassword',
  'prefix',
] as const satisfies SettingKey[];

type StoreValues = Pick<SettingValues, (typeof storeTakes)[number]>;
type FeedValues = Pick<SettingValues, (typeof feedTakes)[number]>;

export interface StoreAccess {
  readonly target: MysqlTarget;
  readonly pool: Pool;
  readonly schema: string;
}

export interface FeedAccess extends StoreAccess {
  readonly log: EventLog;
}

/** Runs `work` with connections to the store, whose schema must be of this build. @throws STORE_* */
export async function withStore<T>(
  values: StoreValues,
  work: (store: StoreAccess) => Promise<T>,
  connections = 2,
): Promise<T> {
  const target = targetOf(values.sink, values.sinkPassword);
  const pool = openPool(target, connections);
  try {
    await checkSchema(pool, values.schema);
    return await work({ target, pool, schema: values.schema });
  } catch (error) {
    throw storeFault(error, target);
  } finally {
    await pool.end();
  }
}

/** As {@link withStore}, with the log. */
export function withFeed<T>(
  values: FeedValues,
  context: Pick<CommandContext, 'logger'>,
  work: (store: FeedAccess) => Promise<T>,
  clientId = 'usagestream-rebuild',
): Promise<T> {
  return withStore(values, async (store) => {
    const { logger } = context;
    await using log = await openLog(values, { clientId, logger });
    return await work({ ...store, log });
  });
}
