import { z } from 'zod';
import { AppError } from '../platform/errors.ts';

/** Where Kafka Connect keeps how far a connector has come: a key, and the connector's own value. */
export interface ConnectOffset {
  readonly connector: string;
  /** The Debezium's `topic.prefix`. */
  readonly server: string;
  readonly offset: SourceOffset;
}

/**
 * What Debezium's connectors for MariaDB and MySQL store. `file` and `pos` are the start of the
 * transaction in progress or the end of the last one; `event` and `row` how much of it is done;
 * `gtids` the transactions that are done.
 *
 * @see https://debezium.io/documentation/reference/stable/connectors/mariadb.html
 */
const SourceOffset = z.looseObject({
  file: z.string().min(1),
  pos: z.int().nonnegative(),
  gtids: z.string().nullish(),
  event: z.int().nonnegative().nullish(),
  row: z.int().nonnegative().nullish(),
  server_id: z.int().nonnegative().nullish(),
  ts_sec: z.number().nullish(),
  snapshot: z.union([z.string(), z.boolean()]).nullish(),
});
export type SourceOffset = z.infer<typeof SourceOffset>;

const Key = z.tuple([z.string(), z.object({ server: z.string() })]);
/** What `GET /connectors/<name>/offsets` answers and `PATCH` takes. */
const RestForm = z.object({
  offsets: z
    .array(z.object({ partition: z.object({ server: z.string() }), offset: SourceOffset }))
    .length(1),
});

/** The key of the record in Connect's topic or file, in the bytes that Connect writes. */
export const offsetKey = ({ connector, server }: Pick<ConnectOffset, 'connector' | 'server'>) =>
  JSON.stringify([connector, { server }]);

export const restForm = ({ server, offset }: ConnectOffset): string =>
  JSON.stringify({ offsets: [{ partition: { server }, offset }] });

/** Reads the REST form. @throws OFFSETS_REFUSED when it is none, or of several servers. */
export function parseRestForm(text: string, connector: string): ConnectOffset {
  const [{ partition, offset }] = parse(RestForm, text).offsets as [
    z.infer<typeof RestForm>['offsets'][number],
  ];
  return { connector, server: partition.server, offset };
}

/** Reads key and value of a record of Connect's offsets topic, or of its file. @throws OFFSETS_REFUSED */
export function parseOffsetRecord(key: string, value: string): ConnectOffset {
  const [connector, { server }] = parse(Key, key);
  return { connector, server, offset: parse(SourceOffset, value) };
}

function parse<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('OFFSETS_REFUSED', { reason: 'not JSON', start: text.slice(0, 80) });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError('OFFSETS_REFUSED', {
    reason: 'not an offset of a Debezium for MariaDB or MySQL',
    problems: parsed.error.issues.map((each) => `${each.path.join('.')}: ${each.message}`),
  });
}

/** @throws OFFSETS_REFUSED when a snapshot was going on: what it had still to read would be missing. */
export function requireNoSnapshot(offset: SourceOffset): void {
  const open = Object.keys(offset).filter((key) => key.startsWith('incremental_snapshot_'));
  const value = offset.snapshot ?? null;
  if (value !== null && value !== false && value !== 'false') open.push('snapshot');
  if (open.length === 0) return;
  throw new AppError('OFFSETS_REFUSED', {
    reason: 'the connector was stopped within a snapshot',
    keys: open,
    fix: 'start the connector again and let it finish its snapshot',
  });
}
