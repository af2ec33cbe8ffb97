import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import type { EventId } from '../../../src/contracts/ids.ts';
import type { EventLog } from '../../../src/platform/log/log.ts';
import { AdoptPartition } from '../../../src/tail/adopt-partition.ts';
import { adoptedLayout } from '../../../src/tail/adopted-change.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';
import { findEventAccounts } from '../../../src/tail/find-event-accounts.ts';

test('the events of details are not called unknown where their topic is gone', async () => {
  const log = { offsets: async () => [] } as unknown as EventLog;
  const layout = adoptedLayout('cloud', capturedTable('usage_event')!);
  const topic = 'dbz.cloud.usage_event';
  const events = new AdoptPartition({ log, topic, partition: 0, layout, rank: 0, next: 7 });
  const { signal } = new AbortController();
  const found = findEventAccounts(log, [events], [u64<EventId>('3')], signal);
  await expect(found).rejects.toMatchObject({
    code: 'ADOPT_GAP',
    facts: { topic, partition: 0, needed: 7 },
  });
});
