import { z } from 'zod';

/** An instant: milliseconds since 1970-01-01T00:00:00Z. Always UTC, always whole. */
export type EpochMs = number;

export const EpochMsSchema = z.int();

/** Half-open `[startMs, endMs)`. CloudStack's columns show `endMs - 1` cut to the second. */
export interface Window {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

/** `YYYY-MM-DD hh:mm:ss` in GMT, cut (not rounded) to the second: the form of CloudStack's DATETIME columns. */
export function sqlDateTime(ms: EpochMs): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

const sqlForm = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?$/;

/** Reads `YYYY-MM-DD hh:mm:ss[.ffffff]` as GMT, cut to the second; null when it is not that form or no such date. */
export function parseSqlDateTime(text: string): EpochMs | null {
  const m = sqlForm.exec(text);
  if (!m) return null;
  const ms = Date.UTC(+m[1]!, +m[2]! - 1, +m[3]!, +m[4]!, +m[5]!, +m[6]!);
  return Number.isNaN(ms) || sqlDateTime(ms) !== text.slice(0, 19).replace('T', ' ') ? null : ms;
}
