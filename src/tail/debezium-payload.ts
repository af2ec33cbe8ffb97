import { AppError } from '../platform/errors.ts';

const payloadMark = ',"payload":';
/** The envelope's own version, in its schema. */
const versions: ReadonlySet<string> = new Set(['1', '2']);

/**
 * The payload of a Connect JSON record, without schema or as `{"schema":…,"payload":…}`. Whole numbers
 * above 2^53 are bigints.
 *
 * @throws ADOPT_UNREADABLE when it is not JSON, or the schema says another version of the envelope.
 */
export function debeziumPayload(text: string): unknown {
  if (!text.startsWith('{"schema":')) return parseExact(text);
  // Within strings quotes are escaped, so that this can be no part of the schema.
  const at = text.indexOf(payloadMark);
  if (at < 0) throw new AppError('ADOPT_UNREADABLE', { reason: 'a schema without a payload' });
  const version = /\.Envelope","version":(\d+)/.exec(text.slice(0, at))?.[1];
  if (version !== undefined && !versions.has(version))
    throw new AppError('ADOPT_UNREADABLE', { reason: 'unknown version of the envelope', version });
  return parseExact(text.slice(at + payloadMark.length, -1));
}

// The reviver costs as much as the rest: only for rows with a number that plain parsing has rounded.
function parseExact(text: string): unknown {
  try {
    const plain: unknown = JSON.parse(text);
    if (!(hasLarge(plain, 'before') || hasLarge(plain, 'after'))) return plain;
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && isLarge(value) && /^-?\d+$/.test(context?.source ?? '')
        ? BigInt(context!.source!)
        : value,
    );
  } catch {
    throw new AppError('ADOPT_UNREADABLE', { reason: 'not JSON', start: text.slice(0, 80) });
  }
}

const isLarge = (value: number): boolean => Math.abs(value) > Number.MAX_SAFE_INTEGER;

function hasLarge(payload: unknown, part: 'before' | 'after'): boolean {
  if (typeof payload !== 'object' || payload === null || !(part in payload)) return false;
  const row: unknown = (payload as Record<typeof part, unknown>)[part];
  if (typeof row !== 'object' || row === null) return false;
  return Object.values(row).some((value) => typeof value === 'number' && isLarge(value));
}
