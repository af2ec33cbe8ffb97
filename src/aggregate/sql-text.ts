/**
 * SQL literals. Text statements are built here and not by the driver's placeholders because its escape
 * takes 25 times longer for a feed record (it looks at every double quote), which was a tenth of a
 * worker's time. They hold only on connections that openStore() made: it fixes the sql_mode.
 */
const risky = /['\\\0]/;

/** A string literal; null becomes NULL. */
export function quote(text: string | null): string {
  if (text === null) return 'NULL';
  if (!risky.test(text)) return `'${text}'`;
  return `'${text.replaceAll(/['\\\0]/g, (char) => (char === '\0' ? '\\0' : `\\${char}`))}'`;
}

/** A binary literal from hexadecimal digits. */
export const hex = (digits: string): string => `x'${digits}'`;

/** A binary literal; null becomes NULL. */
export const binary = (bytes: Buffer | null): string =>
  bytes === null ? 'NULL' : hex(bytes.toString('hex'));

/**
 * Statements of many rows, each under a size that the server takes.
 *
 * @param head  `INSERT INTO t (…) VALUES`
 * @param rows  Row constructors `(…)`.
 * @param tail  What follows the rows, for example `ON DUPLICATE KEY UPDATE …`.
 * @param limit Length of a statement in UTF-16 units; a longer single row makes a statement of its own.
 */
export function* multiRow(
  head: string,
  rows: readonly string[],
  tail: string,
  limit: number,
): Generator<{ readonly sql: string; readonly from: number; readonly to: number }> {
  let from = 0;
  while (from < rows.length) {
    let length = rows[from]?.length ?? 0;
    let to = from + 1;
    for (; to < rows.length; to++) {
      length += (rows[to]?.length ?? 0) + 1;
      if (length > limit) break;
    }
    const parts = rows.slice(from, to);
    parts[0] = `${head} ${parts[0]}`;
    parts[parts.length - 1] += ` ${tail}`;
    // One join of all: a text around a joined one would be copied again when it is sent.
    yield { sql: parts.join(','), from, to };
    from = to;
  }
}

/** `(a,b,c)` for an IN list. The values are decimal ids or literals. */
export const list = (values: Iterable<string | number>): string => `(${[...values].join(',')})`;
