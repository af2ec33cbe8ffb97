import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isAppError } from '../platform/errors.ts';
import { parseMysqlUrl } from '../platform/mysql.ts';
import { parseDuration } from './duration.ts';
import { embeddedFile, parseLogUrl } from './log-url.ts';

/** Any text but an empty one. */
export const text = z.string().trim().min(1);
/** Takes the text as it is, once `read` can read it: so that a wrong address is listed with all other faults. */
const address = (read: (value: string) => void) =>
  text.superRefine((value, ctx) => {
    try {
      read(value);
    } catch (fault) {
      // Neither parser repeats the address, which may hold a password.
      const { problems } = isAppError(fault) ? fault.facts : {};
      const said = fault instanceof Error ? fault.message : 'not an address';
      ctx.addIssue(Array.isArray(problems) ? problems.join('; ') : said);
    }
  });
/** `mysql://…`, with its certificate readable. */
export const databaseAddress = address((value) => {
  const { tls } = parseMysqlUrl(value);
  if (tls?.ca !== undefined) readFileSync(tls.ca);
});
// Whether SASL has its password is looked at later: any will do here.
/** `kafka://…` or `embedded:FILE`. */
export const logAddress = address((value) => {
  if (embeddedFile(value) === null) parseLogUrl(value, '');
});
/** A schema of a database server. */
export const schemaName = z.string().regex(/^[A-Za-z0-9_$-]{1,64}$/, 'not a schema name');
/** `on`, `off`, or a YAML truth value. */
export const onOff = z
  .union([z.enum(['on', 'off']), z.boolean()])
  .transform((v) => v === true || v === 'on');
/** FILE:POS of a binlog, as error texts and `SHOW BINARY LOG STATUS` have them. */
export const binlogPlace = z
  .string()
  .regex(/^[^:]+\.\d+:\d+$/, 'not a place in a binlog: write binlog.000042:1234')
  .transform((v) => {
    const at = v.lastIndexOf(':');
    return { file: v.slice(0, at), pos: Number(v.slice(at + 1)) };
  });
/** A whole number within bounds. */
export const whole = (min: number, max: number) =>
  z.coerce
    .number('not a number')
    .int('not a whole number')
    .min(min, `at least ${min}`)
    .max(max, `at most ${max}`);
/** 90s, 15m, 1h, 500ms, or a number of minutes; gives milliseconds. */
export const durationMs = z.union([z.string(), z.number()]).transform((v, ctx) => {
  const ms = typeof v === 'number' ? v * 60_000 : parseDuration(v);
  if (ms === null) ctx.addIssue('not a duration: write 90s, 15m, 1h or 500ms');
  return ms ?? 0;
});
/** A time, UTC where it names no zone; gives epoch milliseconds. */
export const instantMs = z
  .union([z.string(), z.date()])
  .transform((v) =>
    v instanceof Date ? v : new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(v) ? v : `${v}Z`),
  )
  .refine((d) => !Number.isNaN(d.getTime()), 'not a time: write 2026-03-04T00:00:00Z')
  .transform((d) => d.getTime());
