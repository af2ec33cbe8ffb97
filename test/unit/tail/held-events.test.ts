import { expect, test } from 'vitest';
import type { EventLog } from '../../../src/platform/log/log.ts';
import { readHeldEvents } from '../../../src/tail/held-events.ts';

test('a feed that is not there does not pass for one in which no id was used', async () => {
  const log = { offsets: async () => [] } as unknown as EventLog;
  const held = readHeldEvents({
    log,
    prefix: 'acs',
    fromMs: -Infinity,
    incarnationOf: () => 0,
    limit: 10,
    signal: new AbortController().signal,
  });
  await expect(held).rejects.toMatchObject({
    code: 'LOG_TOPIC_MISSING',
    facts: { topic: 'acs.usage-feed', reason: 'deleted' },
  });
});
