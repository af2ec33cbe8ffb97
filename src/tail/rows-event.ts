import type { BinlogEventByTypeName, RowData, UpdateRowData } from '@vlasky/zongji';

/** A rows event with what the library keeps on it beside its declared fields. */
export type RowsEvent = Omit<BinlogEventByTypeName<'UpdateRows'>, 'rows' | 'getTypeName'> & {
  readonly rows: readonly (RowData | UpdateRowData)[];
  readonly columns_present_bitmap: Uint8Array;
  readonly columns_present_bitmap2?: Uint8Array;
};

export const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

/** Whether the image has every column. */
export function allPresent(bitmap: Uint8Array, columns: number): boolean {
  for (let i = 0; i < columns; i++) if ((bitmap[i >> 3]! & (1 << (i & 7))) === 0) return false;
  return true;
}
