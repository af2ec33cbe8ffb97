import type { FoldEvent } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { detailNumber, eventRule, isRefusal, resource } from '../event-rule.ts';
import type { EventRule, Refusal } from '../event-rule.ts';
import type { CustomSize, VmInterval } from '../intervals.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

const running = 1;
const allocated = 2;
type UsageType = VmInterval['usageType'];

const needed = { values: ['offeringId', 'templateId', 'resourceName'] } as const;

const start: EventRule = eventRule(needed, (ledger, event) => {
  const size = customSize(event);
  if (isRefusal(size)) return size;
  adjustAllocated(ledger, { ...event, ...size });
  const open = openOf(ledger, event, running);
  ledger.succeed('vm', open, event, { ...ownColumns(event, running), ...size });
  // A live scale finds the VM running; a start should not.
  if (open.length > 0 && event.type === 'VM.START')
    ledger.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
  return;
});

/** Usage types 1 RUNNING_VM and 2 ALLOCATED_VM: what VM events do. */
export const vmRules: Readonly<Record<string, EventRule>> = {
  'VM.CREATE': eventRule(needed, (ledger, event) => {
    const size = customSize(event);
    if (isRefusal(size)) return size;
    const open = openOf(ledger, event, allocated);
    ledger.open('vm', open, event, { ...ownColumns(event, allocated), ...size });
    return;
  }),
  'VM.START': start,
  'VM.DYNAMIC.SCALE': start,
  'VM.UPGRADE': eventRule(needed, (ledger, event) => {
    const size = customSize(event);
    if (isRefusal(size)) return size;
    const open = openOf(ledger, event, allocated);
    ledger.succeed('vm', open, event, { ...ownColumns(event, allocated), ...size });
    return;
  }),
  'VM.STOP': eventRule({}, (ledger, event) =>
    ledger.closeExpected('vm', openOf(ledger, event, running), event),
  ),
  'VM.DESTROY': eventRule({}, (ledger, event) =>
    ledger.closeExpected('vm', openOf(ledger, event, allocated), event),
  ),
};

/** One row per VM, offering and custom size, for running and for allocated time. */
export function vmRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const billed = timeByKey(ctx, ledger.tables.vm.rows, (row) => keyOf(ctx, row) + kindMark(row));
  // CloudStack keeps one set of columns per key for both usage types: the newest of either serves both.
  const newest = new Map<string, VmInterval>();
  for (const { last } of billed) {
    const key = keyOf(ctx, last);
    if ((newest.get(key)?.serial ?? 0) < last.serial) newest.set(key, last);
  }
  return billed.map((time) => {
    const { usageType, vmName } = time.first;
    const key = keyOf(ctx, time.last);
    const row = newest.get(key) ?? time.last;
    const doing = usageType === running ? 'running time' : 'allocated';
    return hoursRow(
      ctx,
      { ...time, key },
      {
        usageType,
        zoneId: row.zoneId,
        description: `${vmName} ${doing} (ServiceOffering: ${row.offeringId}) (Template: ${row.templateId})`,
        vmInstanceId: row.vmId,
        usageId: row.vmId,
        vmName,
        offeringId: row.offeringId,
        templateId: row.templateId,
        type: row.hypervisor,
        cpuCores: row.cpuCores,
        cpuSpeed: row.cpuSpeed,
        memory: row.memory,
      },
    );
  });
}

/** Keeps the sums of the two usage types apart even where their keys are the same text. */
const kindMark = (row: VmInterval): string => (row.usageType === running ? 'R' : 'A');

function keyOf({ quirks }: RowContext, row: VmInterval): string {
  const parts = [row.vmId, row.offeringId, row.usageType];
  const size = [row.cpuCores, row.cpuSpeed, row.memory];
  if (quirks.vmKeyWithoutSeparators) return `-${[...parts, ...size].map((p) => p ?? '').join('')}`;
  return [...parts, ...size].map((p) => p ?? '-').join('/');
}

/** A start with another offering, or custom size, changes what is allocated from then on. */
function adjustAllocated(ledger: Ledger, event: NamedEvent & CustomSize): void {
  const [row, another] = openOf(ledger, event, allocated);
  if (row === undefined || another !== undefined) return;
  const size = sizeOf(event);
  const isResized = !ledger.quirks.customSizeIgnoredByAllocated && !sameSize(row, size);
  if (row.offeringId === event.offeringId && !isResized) return;
  const columns = { ...size, offeringId: event.offeringId };
  if (!ledger.quirks.allocatedRowMoves) {
    const { usageType, vmId, vmName, templateId, hypervisor } = row;
    const next = { usageType, vmId, vmName, templateId, hypervisor, ...columns };
    ledger.succeed('vm', [row], event, next);
  } else if (row.beginMs <= event.createdMs) {
    const moved = { beginMs: event.createdMs, openedBy: event.id };
    ledger.tables.vm.replace(row, { ...row, ...columns, ...moved });
  }
}

type NamedEvent = FoldEvent &
  Pick<VmInterval, 'offeringId' | 'templateId'> & { readonly resourceName: string };

const ownColumns = (event: NamedEvent, usageType: UsageType) => ({
  usageType,
  vmId: resource(event),
  vmName: event.resourceName,
  offeringId: event.offeringId,
  templateId: event.templateId,
  hypervisor: event.resourceType,
});

const openOf = (ledger: Ledger, event: FoldEvent, usageType: UsageType) =>
  ledger.tables.vm.openOf(`${usageType}:${resource(event)}`);

const maxInt = (1n << 32n) - 1n;

function customSize(event: FoldEvent): CustomSize | Refusal {
  const cpuCores = detailNumber(event, 'cpuNumber', maxInt);
  if (isRefusal(cpuCores)) return cpuCores;
  const cpuSpeed = detailNumber(event, 'cpuSpeed', maxInt);
  if (isRefusal(cpuSpeed)) return cpuSpeed;
  const memory = detailNumber(event, 'memory', maxInt);
  if (isRefusal(memory)) return memory;
  return { cpuCores, cpuSpeed, memory };
}

const sizeOf = ({ cpuCores, cpuSpeed, memory }: CustomSize): CustomSize => ({
  cpuCores,
  cpuSpeed,
  memory,
});

const sameSize = (a: CustomSize, b: CustomSize): boolean =>
  a.cpuCores === b.cpuCores && a.cpuSpeed === b.cpuSpeed && a.memory === b.memory;
