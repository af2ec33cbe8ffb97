import type { FoldEvent } from '../../src/contracts/fold.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import type { Fact, History } from '../recount/history.ts';
import type { SqlChange, SqlRow } from './sql-script.ts';

/** What commits when a history happens, each event with its details at its own time. */
export function changesOf({ events, facts }: Pick<History, 'events' | 'facts'>): SqlChange[] {
  const told = facts.flatMap((fact) => {
    const row = rowOf(fact);
    return row === null ? [] : [{ atMs: fact.atMs, table: tableOf(fact), row }];
  });
  return [...told, ...events.flatMap(eventChanges)];
}

function eventChanges(event: FoldEvent): SqlChange[] {
  const { createdMs: atMs } = event;
  const row = {
    id: event.id,
    type: event.type,
    account_id: event.accountId,
    created: sqlDateTime(atMs),
    zone_id: event.zoneId,
    resource_id: event.resourceId,
    resource_name: event.resourceName,
    offering_id: event.offeringId,
    template_id: event.templateId,
    size: event.size,
    resource_type: event.resourceType,
    virtual_size: event.virtualSize,
    vm_id: event.vmId,
  };
  const details = event.details.map((detail, n) => ({
    atMs,
    table: 'usage_event_details',
    row: { id: `${event.id}-${n}`, usage_event_id: event.id, ...detail },
  }));
  return [{ atMs, table: 'usage_event', row }, ...details];
}

const tableOf = ({ kind }: Fact): string => (kind === 'template' ? 'vm_template' : kind);

const orNull = (ms: EpochMs | null): string | null => (ms === null ? null : sqlDateTime(ms));

/** The row of a fact; null when the row is gone. */
function rowOf({ kind, value }: Fact): SqlRow | null {
  if (value === null) return null;
  switch (kind) {
    case 'account':
      return {
        id: value.id,
        account_name: value.name,
        uuid: value.uuid,
        type: String(value.type),
        role_id: value.roleId,
        domain_id: value.domainId,
        removed: orNull(value.removedMs),
        cleanup_needed: value.cleanupNeeded ? '1' : '0',
      };
    case 'template':
    case 'bucket':
      return {
        id: value.id,
        account_id: value.accountId,
        removed: orNull(value.removedMs),
        ...(kind === 'template' ? { public: value.isPublic ? '1' : '0' } : {}),
      };
    case 'user_statistics':
    case 'vm_disk_statistics':
    case 'bucket_statistics': {
      const { table: _, ...columns } = value;
      const named = Object.entries(columns).map(([name, cell]) => [columnOf(name), cell] as const);
      return Object.fromEntries(named);
    }
  }
}

const columnOf = (name: string): string =>
  name === 'zoneId'
    ? 'data_center_id'
    : name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
