import { diffColumns } from '../../domain/diff.ts';
import type { DiffColumn, DiffRow } from '../../domain/diff.ts';

/**
 * A row's values as they compare: numbers as JavaScript writes them, so that only their value counts, and
 * characters that cloud_usage cannot hold as it holds them.
 */
export function toCells(row: Readonly<Record<string, unknown>>): DiffRow['cells'] {
  const cells = diffColumns.map((column): [DiffColumn, string | null] => {
    const value = row[column];
    if (value === null || value === undefined) return [column, null];
    const text = value instanceof Buffer ? value.toString() : String(value as string | number);
    return [column, column === 'raw_usage' ? String(Number(text)) : basicPlane(text)];
  });
  return Object.fromEntries(cells) as DiffRow['cells'];
}

const basicPlane = (text: string): string => text.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '?');
