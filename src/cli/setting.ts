import type { z } from 'zod';

/** One setting: its flag, environment variable and YAML key come from `name`; docs/settings.md is made from this table. */
export interface Setting<T extends z.ZodType = z.ZodType> {
  /** kebab-case: flag `--name`, environment `USAGESTREAM_NAME`, YAML key `name`. */
  readonly name: string;
  /** Placeholder of the value in `--help`; absent for switches. */
  readonly value?: string;
  readonly what: string;
  readonly schema: T;
  /** Text form of the default, for `--help`. */
  readonly shown?: string;
  /** Never printed, never in a flag: environment or YAML file only, or `<name>-file`. */
  readonly secret?: true;
  /** A flag of another name that may be given several times: each is one part of the value. */
  readonly each?: string;
}

/** Keeps the type of the schema. */
export const setting = <T extends z.ZodType>(s: Setting<T>): Setting<T> => s;
