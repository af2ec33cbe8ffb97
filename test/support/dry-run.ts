import { expect } from 'vitest';
import type { Command } from './cloud-command.ts';
import type { EmbeddedCloud } from './embedded-cloud.ts';

/** Something that refuses a command, and its dry run. */
export interface Refusal {
  readonly why: string;
  readonly run: Command;
  readonly args: readonly string[] | (() => readonly string[]);
  readonly code: string;
  /** What it needs to be refused, and how that is taken back. */
  readonly harm?: string;
  readonly mend?: string;
  /** Flags of the dry run and of the other, where they are not `--dry-run` and none. */
  readonly dry?: readonly string[];
  readonly real?: readonly string[];
}

/** A Java usage server with a sign of life. */
export const javaLives = {
  harm: `INSERT INTO $cu.usage_job (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat)
    VALUES ('java/10.0.0.1', 4711, 0, 0, 0, 0, 0, UTC_TIMESTAMP())`,
  mend: "DELETE FROM $cu.usage_job WHERE host = 'java/10.0.0.1'",
};

/** The same refusal from both, and a dry run that leaves every table (but those named) and topic as it was. */
export async function expectRefused(
  cloud: EmbeddedCloud,
  { run, args, code, harm, mend, dry = ['--dry-run'], real = [] }: Refusal,
  without: readonly string[] = [],
): Promise<void> {
  if (harm !== undefined) await cloud.sql(harm);
  const before = await cloud.checksum(without);
  const given = typeof args === 'function' ? args() : args;
  const looked = await run([...given, ...dry]);
  expect(await cloud.checksum(without)).toBe(before);
  const done = await run([...given, ...real]);
  if (mend !== undefined) await cloud.sql(mend);
  expect({ dry: looked.code, real: done.code }).toEqual({ dry: code, real: code });
}

/** Generation `young`, by the rules of `main`, that has read and closed nothing. */
export async function enterYoung({ sql }: EmbeddedCloud): Promise<void> {
  await sql(
    `INSERT INTO $us.generation (name, state, feed_topic, feed_partitions, range_minutes, time_zone,
       close_delay_ms, preset, settings)
     SELECT 'young', 'building', feed_topic, feed_partitions, range_minutes, time_zone, close_delay_ms,
       preset, settings FROM $us.generation WHERE name = 'main'`,
  );
  await sql(
    `INSERT INTO $us.progress (generation, partition_id)
     SELECT g.id, p.partition_id FROM $us.generation g, $us.progress p
     WHERE g.name = 'young' AND p.generation = 1`,
  );
}
