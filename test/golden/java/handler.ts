import type { FoldEvent } from '../../../src/contracts/fold.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { EpochMs } from '../../../src/contracts/time.ts';
import type { HelperRow, HelperTable, JavaTables } from './java-tables.ts';
import { NullFault } from './java-tables.ts';

/** Unique key of usage_volume: as 4.23 ships it, with the VM as later releases have it, or none. */
export type VolumeKey = 'volume' | 'volume and vm' | 'none';

/** What the handlers of a run work with. */
export interface HandlerContext {
  readonly tables: JavaTables;
  /** Unique keys; null: there are none at all. */
  readonly keys: VolumeKey | null;
  /** Whether what is open is found in all accounts, where a server does not ask for the account. */
  readonly crossAccount: boolean;
  /** The clock of the run. */
  readonly runMs: EpochMs;
  /** Snapshots are billed by the size of their volume. */
  readonly virtualSizes: boolean;
  readonly hasAccount: (id: AccountId) => boolean;
}

/** What an event does to the helper tables. @throws SqlFault, NullFault */
export type Handler = (ctx: HandlerContext, event: FoldEvent) => void;

export const resourceOf = (event: FoldEvent): string => event.resourceId ?? '0';

/** @throws NullFault when the event's account has no row. */
export function needAccount(ctx: HandlerContext, { accountId }: FoldEvent): void {
  if (!ctx.hasAccount(accountId)) throw new NullFault(`account ${accountId}`);
}

/** @throws NullFault when there is no value. */
export function need(value: string | null): string {
  if (value === null) throw new NullFault('a value that is needed');
  return value;
}

/** Text for a column of that many characters of the first 65536. @throws NullFault when it does not fit. */
export function fitting<T extends string | null>(ctx: HandlerContext, text: T, length: number): T {
  if (ctx.keys !== null && text !== null && (text.length > length || isBeyond(text)))
    throw new NullFault('a text that its column cannot hold');
  return text;
}

/** Has characters that no column of the helper tables can hold. */
export const isBeyond = (text: string): boolean => /[\u{10000}-\u{10FFFF}]/u.test(text);

/** The first detail of that name; null when there is none. */
export const detailOf = (event: FoldEvent, name: string): string | null =>
  event.details.find((detail) => detail.name === name)?.value ?? null;

/** @throws NullFault when there is a detail that is no number. */
export function numberOf(event: FoldEvent, name: string): string | null {
  const text = detailOf(event, name);
  if (text !== null && !/^\d{1,19}$/.test(text)) throw new NullFault(`not a number: ${name}`);
  return text === null ? null : String(BigInt(text));
}

/** A row that an event opens, with the columns that it gives. */
export function opened(
  table: HelperTable,
  event: FoldEvent,
  columns: Partial<HelperRow> = {},
): Omit<HelperRow, 'id'> {
  return {
    ...blank,
    table,
    accountId: event.accountId,
    resource: resourceOf(event),
    zoneId: event.zoneId,
    beginMs: event.createdMs,
    openedBy: event.id,
    ...columns,
  };
}

const blank = {
  ...{ endMs: null, kind: 0, name: null, offering: null, template: null, hypervisor: null },
  ...{ vm: null, second: null, size: null, virtualSize: null, cores: null, speed: null },
  ...{ memory: null, state: null, isDefault: false, isSystem: false, isHidden: false },
} as const;

/** Open rows of the event's own account. */
export const ownOpen = (ctx: HandlerContext, table: HelperTable, event: FoldEvent): HelperRow[] =>
  ctx.tables
    .openOf(table, resourceOf(event))
    .filter(({ accountId }) => accountId === event.accountId);

/** Open rows of all accounts, where a server finds them so. */
export const anyOpen = (ctx: HandlerContext, table: HelperTable, event: FoldEvent): HelperRow[] =>
  ctx.crossAccount ? ctx.tables.openOf(table, resourceOf(event)) : ownOpen(ctx, table, event);

/** Ends rows, each by its id. */
export function closeEach(ctx: HandlerContext, rows: readonly HelperRow[], endMs: EpochMs): void {
  for (const { table, resource, id } of rows)
    ctx.tables.update(table, resource, (row) => row.id === id, { endMs });
}
