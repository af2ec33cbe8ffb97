import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';

/** A few rows of a cloud, written as its management server would. */
export interface CloudStory {
  readonly settings?: Readonly<Record<string, string>>;
  /** Account ids; each gets a name of its own. */
  readonly accounts?: readonly number[];
  readonly events?: readonly StoryEvent[];
  /** When it is committed, for a clock that follows commits; now when left out. */
  readonly committedMs?: number;
}

export type StoryEvent = Readonly<Record<string, string | number | null>> & {
  readonly type: string;
  /** Epoch ms, or `YYYY-MM-DD hh:mm:ss` in GMT. */
  readonly created: number | string;
};

/** Writes the story into the pipeline's cloud. Each event is committed by itself, in the order given. */
export async function tell(pipeline: Pipeline, story: CloudStory): Promise<void> {
  const sql = await openCloud(pipeline);
  try {
    if (story.committedMs !== undefined)
      await sql.query(`SET TIMESTAMP = ${story.committedMs / 1000}`);
    for (const [name, value] of Object.entries(story.settings ?? {}))
      await sql.query(
        `INSERT INTO configuration (category, instance, component, name, value)
         VALUES ('Usage', 'DEFAULT', 'usage', ?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)`,
        [name, value],
      );
    for (const id of story.accounts ?? [])
      await sql.query(
        `INSERT INTO account (id, account_name, uuid, type, domain_id) VALUES (?, ?, UUID(), 0, 1)`,
        [id, `account ${id}`],
      );
    for (const { created, ...columns } of story.events ?? [])
      await sql.query('INSERT INTO usage_event SET ?', [
        {
          account_id: 3,
          zone_id: 1,
          created: typeof created === 'number' ? sqlDateTime(created) : created,
          ...columns,
        },
      ]);
  } finally {
    await sql.end();
  }
}

async function openCloud(pipeline: Pipeline): Promise<Connection> {
  const options = mysqlOptions({ ...pipeline.target, database: pipeline.names.cloudSchema });
  return createConnection({ ...options, charset: 'utf8mb4' });
}
