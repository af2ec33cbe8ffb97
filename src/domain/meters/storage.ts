import type { FoldEvent } from '../../contracts/fold.ts';
import type { U64 } from '../../contracts/ids.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, missingValue, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import type { StorageInterval } from '../intervals.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { sizeText } from '../size-text.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

type StorageType = StorageInterval['storageType'];
const template = 1;
const iso = 2;
const snapshot = 3;
const uploadedVolume = 4;

const sized = { account: true, values: ['size'] } as const;

// One event per image store: copies of what is there already, and deletions of what is gone, are normal.
const addTemplate = eventRule(sized, (ledger, event) => {
  if (event.size === zero) return;
  const { size, virtualSize, templateId } = event;
  addUnlessOpen(ledger, event, template, { size, virtualSize, sourceId: templateId });
});
const addIso = eventRule(sized, (ledger, event) => {
  const { size } = event;
  addUnlessOpen(ledger, event, iso, { size, virtualSize: size, sourceId: null });
});

/** Usage types 7 TEMPLATE, 8 ISO, 9 SNAPSHOT and 26 VOLUME_SECONDARY. */
export const storageRules: Readonly<Record<string, EventRule>> = {
  'TEMPLATE.CREATE': addTemplate,
  'TEMPLATE.COPY': addTemplate,
  'TEMPLATE.DELETE': eventRule({}, (ledger, event) =>
    ledger.close('storage', openInZone(ledger, event, template), event),
  ),
  'ISO.CREATE': addIso,
  'ISO.COPY': addIso,
  'ISO.DELETE': eventRule({}, (ledger, event) =>
    ledger.close('storage', openInZone(ledger, event, iso), event),
  ),
  'SNAPSHOT.CREATE': eventRule({ account: true }, (ledger, event) => {
    const column = ledger.settings.snapshotVirtualSize ? 'virtualSize' : 'size';
    const size = event[column];
    if (size === null) return missingValue(column);
    const inZone = openInZone(ledger, event, snapshot);
    const columns = { size, virtualSize: null, sourceId: null };
    ledger.open('storage', inZone, event, ownColumns(event, snapshot, columns));
    return;
  }),
  'SNAPSHOT.DELETE': eventRule({}, (ledger, event) =>
    ledger.close('storage', openOf(ledger, event, snapshot), event),
  ),
  'VOLUME.UPLOAD': eventRule(sized, (ledger, event) => {
    const open = openOf(ledger, event, uploadedVolume);
    if (open.length > 0) ledger.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
    const { size, templateId } = event;
    const columns = { size, virtualSize: null, sourceId: templateId };
    ledger.succeed('storage', open, event, ownColumns(event, uploadedVolume, columns));
  }),
};

/** A volume that was uploaded has moved to primary storage. */
export function closeUploaded(ledger: Ledger, event: FoldEvent): void {
  ledger.close('storage', openOf(ledger, event, uploadedVolume), event);
}

/** One row per entity, zone and kind; the sizes are those of its newest interval. */
export function storageRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const billed = timeByKey(
    ctx,
    ledger.tables.storage.rows,
    (row) => `${row.entityId}Z${row.zoneId}T${row.storageType}`,
  );
  return billed.map((time) => {
    const { entityId, zoneId, size, storageType, sourceId } = time.last;
    const { usageType, noun, hasVirtualSize } = kinds[storageType];
    const virtualSize = time.last.virtualSize ?? zero;
    const tail = hasVirtualSize ? ` VirtualSize: ${sizeText(BigInt(virtualSize))}` : '';
    return hoursRow(ctx, time, {
      usageType,
      zoneId,
      description: `${noun} Id:${entityId} Size:${sizeText(BigInt(size))}${tail}`,
      usageId: entityId,
      templateId: storageType === template ? (sourceId ?? zero) : null,
      size,
      virtualSize,
    });
  });
}

const kinds = {
  [template]: { usageType: 7, noun: 'Template', hasVirtualSize: true },
  [iso]: { usageType: 8, noun: 'ISO', hasVirtualSize: true },
  [snapshot]: { usageType: 9, noun: 'Snapshot', hasVirtualSize: false },
  [uploadedVolume]: { usageType: 26, noun: 'Volume', hasVirtualSize: true },
} as const;

interface Sizes {
  readonly size: U64;
  readonly virtualSize: U64 | null;
  readonly sourceId: U64 | null;
}

const ownColumns = (event: FoldEvent, storageType: StorageType, sizes: Sizes) => ({
  storageType,
  entityId: resource(event),
  ...sizes,
});

function addUnlessOpen(ledger: Ledger, event: FoldEvent, kind: StorageType, sizes: Sizes): void {
  if (openInZone(ledger, event, kind).length > 0) return;
  ledger.insert('storage', event, ownColumns(event, kind, sizes));
}

const openOf = (ledger: Ledger, event: FoldEvent, storageType: StorageType) =>
  ledger.tables.storage.openOf(`${storageType}:${resource(event)}`);

const openInZone = (ledger: Ledger, event: FoldEvent, storageType: StorageType) =>
  openOf(ledger, event, storageType).filter((row) => row.zoneId === event.zoneId);
