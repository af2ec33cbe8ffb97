import type { LogRecord } from '../../src/platform/log/log.ts';

export const minute = 60_000;
export const hour = 60 * minute;
/** Where stories begin: a window start for any range in GMT. */
export const start = Date.UTC(2026, 2, 1);

/** A feed record as plain data: tests also write what no type would let them. */
export interface Draft {
  readonly account: string | null;
  readonly json: Record<string, unknown>;
}

const origin = {
  source: 'test',
  incarnation: 0,
  gtid: null,
  file: 'binlog.000001',
  pos: 4,
  row: 0,
  commitMs: start,
  snapshot: false,
};

const draft = (
  account: string | null,
  kind: string,
  watermarkMs: number | null,
  rest: Record<string, unknown>,
): Draft => ({ account, json: { v: 1, kind, watermarkMs, origin, ...rest } });

export const watermark = (ms: number): Draft => draft(null, 'watermark', ms, {});

export const account = (id: string, watermarkMs: number | null = null): Draft =>
  draft(id, 'account', watermarkMs, {
    present: true,
    account: {
      id,
      name: `account ${id}`,
      uuid: null,
      type: 0,
      roleId: null,
      domainId: '1',
      removedMs: null,
      cleanupNeeded: false,
    },
  });

/** A usage event of zone 1; `columns` overrides any of its columns. */
export const event = (
  id: number | string,
  type: string,
  accountId: string,
  createdMs: number,
  watermarkMs: number | null,
  columns: Record<string, unknown> = {},
): Draft =>
  draft(accountId, 'usage-event', watermarkMs, {
    event: {
      id: String(id),
      type,
      accountId,
      createdMs,
      zoneId: '1',
      resourceId: null,
      resourceName: null,
      offeringId: null,
      templateId: null,
      size: null,
      resourceType: null,
      virtualSize: null,
      vmId: null,
      ...columns,
    },
  });

export const volume = { offeringId: '5', templateId: '0', size: '1073741824' };
export const vm = { offeringId: '7', templateId: '9', resourceType: 'KVM' };

export const detail = (
  id: number,
  eventId: number | string,
  accountId: string,
  name: string,
  value: string,
): Draft =>
  draft(accountId, 'event-detail', null, {
    detail: { id: String(id), eventId: String(eventId), accountId, name, value },
  });

/** A record of what is no event: `value` as the kind's schema has it. */
export const factDraft = (
  kind: 'account' | 'counter' | 'template' | 'bucket',
  accountId: string,
  value: object,
  watermarkMs: number | null,
  present = true,
): Draft => draft(accountId, kind, watermarkMs, { present, [kind]: value });

export const logRecord = (offset: number, value: Draft | Buffer | null): LogRecord => ({
  offset,
  key: Buffer.isBuffer(value) || value?.account == null ? null : Buffer.from(value.account),
  value: value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value.json)),
  timestampMs: 0,
  headers: {},
});

/** Places drafts on partitions by account; those of no account go to every one. Offsets have gaps. */
export function placed(drafts: readonly Draft[], partitions: number): LogRecord[][] {
  const logs = Array.from({ length: partitions }, (): LogRecord[] => []);
  for (const one of drafts)
    for (const [partition, log] of logs.entries())
      if (one.account === null || Number(BigInt(one.account) % BigInt(partitions)) === partition)
        log.push(logRecord(log.length * 2 + 3, one));
  return logs;
}
