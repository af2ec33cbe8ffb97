import type { FoldEvent } from '../../contracts/fold.ts';
import type { U64 } from '../../contracts/ids.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, orNone, resource } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';
import { closeUploaded } from './storage.ts';

/**
 * Usage type 6 VOLUME. A volume has a cumulative interval from creation to deletion and, while it is
 * attached, a second one for the VM: two rows that a consumer must not add.
 */
export const volumeRules: Readonly<Record<string, EventRule>> = {
  'VOLUME.CREATE': eventRule({ account: true, values: ['size'] }, (ledger, event) => {
    closeUploaded(ledger, event);
    const open = openOf(ledger, event);
    if (open.length > 0) ledger.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
    ledger.succeed('volume', open, event, { ...ownColumns(event), vmId: null });
    if (event.vmId !== null) {
      // A late event: the attachment too ends where the later intervals begin.
      const later = openOf(ledger, event).filter((row) => row.beginMs > event.createdMs);
      ledger.succeed('volume', later, event, { ...ownColumns(event), vmId: event.vmId });
    }
  }),
  'VOLUME.RESIZE': eventRule({ values: ['size'] }, (ledger, event) => {
    const open = openOf(ledger, event);
    if (open.length === 0) ledger.note('CLOSE_WITHOUT_OPEN', event, {});
    for (const row of open)
      ledger.succeed('volume', [row], event, { ...ownColumns(event), vmId: row.vmId });
  }),
  'VOLUME.ATTACH': eventRule({ account: true, values: ['size'] }, (ledger, event) => {
    const columns = { ...ownColumns(event), vmId: event.vmId };
    if (event.vmId !== null) {
      ledger.succeed('volume', attachments(ledger, event), event, columns);
      return;
    }
    // Without a VM it is another cumulative interval.
    ledger.close('volume', attachments(ledger, event), event);
    ledger.open('volume', openOf(ledger, event), event, columns);
  }),
  'VOLUME.DETACH': eventRule({}, (ledger, event) =>
    ledger.close('volume', attachments(ledger, event), event),
  ),
  // The management server often writes it twice; the second finds nothing.
  'VOLUME.DELETE': eventRule({}, (ledger, event) =>
    ledger.close('volume', openOf(ledger, event), event),
  ),
};

/** One row per volume, disk offering, VM and size. */
export function volumeRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const billed = timeByKey(ctx, ledger.tables.volume.rows, (row) =>
    [row.volumeId, orNone(row.offeringId) ?? 'null', orNone(row.vmId) ?? 'null', row.size].join(
      '-',
    ),
  );
  return billed.map((time) => {
    const { volumeId, size, zoneId } = time.last;
    const offeringId = orNone(time.last.offeringId);
    const templateId = orNone(time.last.templateId);
    const vmInstanceId = orNone(time.last.vmId);
    const origin =
      templateId !== null
        ? ` (Template: ${templateId})`
        : offeringId !== null
          ? ` (DiskOffering: ${offeringId})`
          : '';
    const user = vmInstanceId === null ? '' : ` (VM: ${vmInstanceId})`;
    return hoursRow(ctx, time, {
      usageType: 6,
      zoneId,
      description: `Volume Id: ${volumeId} usage time${origin}${user}`,
      vmInstanceId,
      offeringId,
      templateId,
      usageId: volumeId,
      size,
    });
  });
}

const openOf = (ledger: Ledger, event: FoldEvent) => ledger.tables.volume.openOf(resource(event));

const attachments = (ledger: Ledger, event: FoldEvent) =>
  openOf(ledger, event).filter((row) => row.vmId !== null);

const ownColumns = (event: FoldEvent & { readonly size: U64 }) => ({
  volumeId: resource(event),
  offeringId: event.offeringId,
  templateId: event.templateId,
  size: event.size,
});
