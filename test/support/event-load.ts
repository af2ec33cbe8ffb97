import { createConnection } from 'mysql2/promise';
import { mysqlCode, mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';

/** A client that writes usage events, counters and details without a pause until it is stopped. */
export interface EventLoad {
  /** Transactions committed so far. */
  count(): number;
  reached(count: number): Promise<void>;
  stop(): Promise<void>;
}

function isDeadlock(error: unknown): true {
  if (mysqlCode(error) === 'ER_LOCK_DEADLOCK') return true;
  throw error;
}

export function startLoad(url: string, cloudSchema: string): EventLoad {
  let count = 0;
  let stopped = false;
  let wake = (): void => {};
  const run = async (): Promise<void> => {
    const sql = await createConnection({
      ...mysqlOptions(parseMysqlUrl(url)),
      database: cloudSchema,
      multipleStatements: true,
    });
    for (; !stopped; count++, wake()) {
      const owner = 2 + (count % 5);
      const work = sql.query(`
        BEGIN;
        INSERT INTO usage_event (type, account_id, created, zone_id, resource_name)
          VALUES ('LOAD', ${owner}, NOW(), 1, 'load ${count}'), ('LOAD', ${owner + 1}, NOW(), 1, NULL);
        INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (LAST_INSERT_ID(), 'n', '${count}');
        UPDATE bucket_statistics SET size = ${count};
        COMMIT;
        ${count % 7 === 0 ? `DELETE FROM usage_event WHERE resource_name = 'load ${count - 5}';` : ''}`);
      // As any client has to: a deadlock is rolled back and done again.
      if (await work.then(() => false, isDeadlock)) {
        await sql.query('ROLLBACK');
        count--;
      }
    }
    await sql.end();
  };
  const running = run();
  running.catch(() => wake());
  return {
    count: () => count,
    async reached(wanted) {
      while (count < wanted)
        await Promise.race([running, new Promise<void>((resolve) => (wake = resolve))]);
    },
    stop() {
      stopped = true;
      return running;
    },
  };
}
