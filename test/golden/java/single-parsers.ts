import type { EpochMs } from '../../../src/contracts/time.ts';
import { sizeText } from '../../../src/domain/size-text.ts';
import type { HelperRow, HelperTable } from './java-tables.ts';
import { clipped, hoursLine, touchesBegun } from './window-rows.ts';
import type { ParserContext, UsageColumns } from './window-rows.ts';

/** Rows of the types that bill each helper row by itself. Reading VM snapshots changes their tables. */
export function singleLines(ctx: ParserContext): string[] {
  return [
    ...snapshotLines(ctx),
    ...onPrimaryLines(ctx),
    ...each(ctx, 'backup', (row) => ({
      usageType: 28,
      description: `Backup usage VM ID: ${row.resource}, backup offering: ${row.offering}`,
      vmInstanceId: row.resource,
      offeringId: row.offering,
      usageId: row.resource,
      size: row.size,
      virtualSize: row.virtualSize,
    })),
    ...each(ctx, 'network', (row) => ({
      usageType: 30,
      description: `Network usage for network ID: ${row.resource}, network offering: ${row.offering}`,
      offeringId: row.offering,
      usageId: row.resource,
      size: 0,
      state: row.state,
    })),
    ...each(ctx, 'vpc', ({ resource }) => ({
      usageType: 31,
      description: `VPC usage for VPC ID: ${resource}`,
      usageId: resource,
      size: 0,
    })),
  ];
}

function each(
  ctx: ParserContext,
  table: HelperTable,
  columnsOf: (row: HelperRow) => Omit<UsageColumns, 'zoneId'>,
): string[] {
  const { window } = ctx;
  return ctx.tables
    .ofAccount(table, ctx.accountId)
    .filter((row) => touchesBegun(row, window))
    .flatMap((row) =>
      hoursLine(ctx, { zoneId: row.zoneId, ...columnsOf(row) }, clipped(row, window) ?? -1),
    );
}

/** Of a volume, a snapshot ends when the next is taken; the mark of its end is the clock of the run. */
function snapshotLines(ctx: ParserContext): string[] {
  const { tables, window, runMs } = ctx;
  const lines: string[] = [];
  const pending = new Map<string, HelperRow>();
  const mark = ({ resource, id }: HelperRow): void =>
    tables.update('vmSnapshot', resource, (row) => row.id === id, { endMs: runMs });
  const add = (row: HelperRow, last: EpochMs, isOf = row): void => {
    const begin = Math.max(row.beginMs, window.startMs);
    lines.push(...snapshotLine(ctx, row, { begin, last, isOf }));
  };
  const read = tables
    .ofAccount('vmSnapshot', ctx.accountId)
    .filter(({ beginMs, endMs }) => beginMs >= window.startMs || endMs === null)
    .filter(({ beginMs }) => beginMs < window.endMs)
    .toSorted((a, b) => a.beginMs - b.beginMs);
  for (const row of read) {
    const chain = `${row.resource}:${row.template}`;
    const before = row.beginMs < window.startMs ? undefined : predecessor(ctx, row);
    if (before === undefined || before.size === '0') {
      pending.set(chain, row);
      continue;
    }
    add(before, row.beginMs, row);
    mark(before);
    if (row.size === '0') mark(row);
    else pending.set(chain, row);
  }
  for (const row of pending.values()) add(row, window.endMs - 1);
  return lines;
}

const predecessor = ({ tables }: ParserContext, row: HelperRow): HelperRow | undefined =>
  tables
    .openOf('vmSnapshot', row.resource)
    .filter(({ accountId, template }) => accountId === row.accountId && template === row.template)
    .filter(({ beginMs }) => beginMs < row.beginMs)
    .toSorted((a, b) => b.beginMs - a.beginMs)[0];

interface Stay {
  readonly begin: EpochMs;
  readonly last: EpochMs;
  /** Whose snapshot and zone are told. */
  readonly isOf: HelperRow;
}

function snapshotLine(ctx: ParserContext, row: HelperRow, { begin, last, isOf }: Stay): string[] {
  const offering = row.offering === '0' ? null : row.offering;
  const columns = {
    usageType: 25,
    zoneId: isOf.zoneId,
    description:
      `VMSnapshot Id: ${isOf.second} Usage: VM Id: ${row.resource} Volume Id: ${row.template} ` +
      `${offering === null ? '' : ` DiskOffering: ${offering}`} Size: ${sizeText(BigInt(row.size ?? 0))}`,
    vmInstanceId: row.resource,
    offeringId: offering,
    usageId: isOf.second,
    size: row.size,
    startMs: begin,
    endMs: last,
  };
  return hoursLine(ctx, columns, last - begin + 1);
}

/** Of the snapshots of one name the last wins, of whatever VM. */
function onPrimaryLines(ctx: ParserContext): string[] {
  const { window, tables, runMs } = ctx;
  const [firstMs, lastMs] = [window.startMs, window.endMs - 1000];
  const newest = new Map<string | null, HelperRow>();
  const read = tables
    .ofAccount('onPrimary', ctx.accountId)
    .filter(({ beginMs, endMs }) =>
      endMs === null
        ? beginMs < lastMs
        : Math.floor(firstMs / 1000) * 1000 <= endMs && endMs <= lastMs,
    )
    .toSorted((a, b) => a.beginMs - b.beginMs);
  for (const row of read) {
    if (row.size !== '0') newest.set(row.name, row);
    else tables.update('onPrimary', row.resource, ({ id }) => id === row.id, { endMs: runMs });
  }
  return [...newest.values()].flatMap((row) => {
    const begin = Math.max(row.beginMs, window.startMs);
    const last = row.endMs !== null && row.endMs < window.endMs - 1 ? row.endMs : window.endMs - 1;
    const columns = {
      usageType: 27,
      zoneId: row.zoneId,
      description:
        `VMSnapshot Id: ${row.second} On Primary Usage: VM Id: ${row.resource} ` +
        `Size: ${sizeText(BigInt(row.virtualSize ?? 0))}`,
      vmInstanceId: row.resource,
      vmName: row.name,
      usageId: row.second,
      size: row.size,
      virtualSize: row.virtualSize,
      startMs: begin,
      endMs: last,
    };
    return hoursLine(ctx, columns, last - begin + 1);
  });
}
