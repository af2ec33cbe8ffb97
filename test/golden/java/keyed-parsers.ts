import { sizeText } from '../../../src/domain/size-text.ts';
import type { HelperRow, HelperTable } from './java-tables.ts';
import { hoursLine, timeByKey, touches, touchesBegun } from './window-rows.ts';
import type { ParserContext, UsageColumns } from './window-rows.ts';

/** Rows of the types that add up the time of all helper rows with one key. */
export function keyedLines(ctx: ParserContext): string[] {
  return [
    ...vmLines(ctx),
    ...keyed(ctx, 'ip', (row) => row.second ?? '', ipColumns, touchesBegun),
    ...keyed(ctx, 'volume', volumeKey, volumeColumns),
    ...keyed(
      ctx,
      'storage',
      ({ resource, zoneId, kind }) => `${resource}Z${zoneId}T${kind}`,
      stored,
    ),
    ...keyed(
      ctx,
      'sg',
      ({ resource, second }) => `${resource}SG${second}`,
      (row) => ({
        usageType: 10,
        description: `Security Group: ${row.second} for Vm : ${row.resource} usage time`,
        vmInstanceId: row.resource,
        usageId: row.second,
      }),
    ),
    ...keyed(
      ctx,
      'lb',
      ({ resource }) => resource,
      ({ resource }) => ({
        usageType: 11,
        description: `Load Balancing Policy: ${resource} usage time`,
        usageId: resource,
      }),
    ),
    ...keyed(
      ctx,
      'pf',
      ({ resource }) => resource,
      ({ resource }) => ({
        usageType: 12,
        description: `Port Forwarding Rule: ${resource} usage time`,
        usageId: resource,
      }),
    ),
    ...keyed(
      ctx,
      'nic',
      ({ resource, offering }) => `${resource}NO${offering}`,
      (row) => ({
        usageType: 13,
        description: `Network offering:${row.offering} for Vm : ${row.resource} usage time`,
        vmInstanceId: row.resource,
        offeringId: row.offering,
        usageId: row.isDefault ? 1 : 0,
      }),
    ),
    ...keyed(
      ctx,
      'vpn',
      ({ resource, name }) => `${resource}VU${name}`,
      ({ name, resource }) => ({
        usageType: 14,
        description: `VPN User: ${name}, Id: ${resource} usage time`,
        usageId: resource,
      }),
    ),
  ];
}

function keyed(
  ctx: ParserContext,
  table: HelperTable,
  keyOf: (row: HelperRow) => string,
  columnsOf: (last: HelperRow) => Omit<UsageColumns, 'zoneId'>,
  isRead = touches,
): string[] {
  const rows = ctx.tables.ofAccount(table, ctx.accountId).filter((row) => isRead(row, ctx.window));
  return timeByKey(rows, ctx.window, keyOf).flatMap(({ last, ms }) =>
    hoursLine(ctx, { zoneId: last.zoneId, ...columnsOf(last) }, ms),
  );
}

/** The columns of both usage types are kept under one text, so that the last read row serves both. */
function vmLines(ctx: ParserContext): string[] {
  const { window } = ctx;
  const rows = ctx.tables.ofAccount('vm', ctx.accountId).filter((row) => touches(row, window));
  const last = new Map(rows.map((row) => [vmKey(row), row]));
  return timeByKey(rows, window, (row) => `${row.kind} ${vmKey(row)}`).flatMap((time) => {
    const { name, kind } = time.first;
    const row = last.get(vmKey(time.last)) ?? time.last;
    const doing = kind === 1 ? 'running time' : 'allocated';
    const columns = {
      usageType: kind,
      zoneId: row.zoneId,
      description: `${name} ${doing} (ServiceOffering: ${row.offering}) (Template: ${row.template})`,
      vmInstanceId: row.resource,
      vmName: name,
      offeringId: row.offering,
      templateId: row.template,
      usageId: row.resource,
      type: row.hypervisor,
      cpuSpeed: row.speed,
      cpuCores: row.cores,
      memory: row.memory,
    };
    return hoursLine(ctx, columns, time.ms);
  });
}

/** Without anything between its parts. */
const vmKey = (row: HelperRow): string =>
  ['-', row.resource, row.offering, row.kind, row.cores, row.speed, row.memory].join('');

const ipColumns = (row: HelperRow) => ({
  usageType: 3,
  description: `IPAddress: ${row.resource}`,
  usageId: row.second,
  size: row.isSystem ? 1 : 0,
  type: row.isDefault ? 'SourceNat' : '',
  isHidden: row.isHidden,
});

const orNull = (id: string | null): string | null => (id === '0' ? null : id);

const volumeKey = (row: HelperRow): string =>
  `${row.resource}-${orNull(row.offering)}-${orNull(row.vm)}-${row.size}`;

function volumeColumns(row: HelperRow) {
  const [offering, template, vm] = [row.offering, row.template, row.vm].map(orNull);
  const from =
    template != null
      ? ` (Template: ${template})`
      : offering != null
        ? ` (DiskOffering: ${offering})`
        : '';
  return {
    usageType: 6,
    description: `Volume Id: ${row.resource} usage time${from}${vm == null ? '' : ` (VM: ${vm})`}`,
    vmInstanceId: vm ?? null,
    offeringId: offering ?? null,
    templateId: template ?? null,
    usageId: row.resource,
    size: row.size,
  };
}

const kinds = [
  { usageType: 0, noun: '' },
  { usageType: 7, noun: 'Template' },
  { usageType: 8, noun: 'ISO' },
  { usageType: 9, noun: 'Snapshot' },
  { usageType: 26, noun: 'Volume' },
] as const;

function stored(row: HelperRow) {
  const { usageType, noun } = kinds[row.kind] ?? kinds[0];
  const virtualSize = row.virtualSize ?? '0';
  const tail = usageType === 9 ? '' : ` VirtualSize: ${sizeText(BigInt(virtualSize))}`;
  return {
    usageType,
    description: `${noun} Id:${row.resource} Size:${sizeText(BigInt(row.size ?? 0))}${tail}`,
    usageId: row.resource,
    templateId: usageType === 7 ? (row.template ?? '0') : null,
    size: row.size,
    virtualSize,
  };
}
