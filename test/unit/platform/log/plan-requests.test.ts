import { fc } from '../../../support/fast-check.ts';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { recordSize } from '../../../../src/platform/log/encode-batch.ts';
import type { OutRecord } from '../../../../src/platform/log/log.ts';
import { partitionOfKey } from '../../../../src/platform/log/murmur2.ts';
import { planRequests } from '../../../../src/platform/log/plan-requests.ts';

const content = Buffer.alloc(1_200_000);
const anyRecords = fc.array(
  fc.record<OutRecord>({
    topic: fc.constantFrom('a', 'b'),
    partition: fc.nat(5),
    key: fc.constant(null),
    value: fc.integer({ min: 0, max: 1_200_000 }).map((length) => content.subarray(0, length)),
  }),
  { maxLength: 60 },
);

test('requests hold every record once, in the order of its partition, within the limits', () => {
  fc.assert(
    fc.property(anyRecords, (records) => {
      const requests = planRequests(records, ({ partition }) => partition ?? -1);
      const planned = new Map<string, OutRecord[]>();
      for (const slices of requests) {
        const names = slices.map(({ topic, partition }) => `${topic}/${partition}`);
        expect(new Set(names).size).toBe(names.length);
        const total = slices.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(slices.length === 1 || total <= 4_000_000).toBe(true);
        for (const { topic, partition, records: part, bytes } of slices) {
          expect(bytes).toBe(part.reduce((sum, record) => sum + recordSize(record), 0));
          expect(part.length === 1 || bytes <= 900_000).toBe(true);
          const name = `${topic}/${partition}`;
          planned.set(name, [...(planned.get(name) ?? []), ...part]);
        }
      }
      const given = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
      expect(planned).toEqual(given);
    }),
  );
});

test('a key goes where the Java client puts it', () => {
  const partitioner = Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 64 }),
      (bytes, count) => {
        const key = Buffer.from(bytes);
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionErrorCode: 0,
          partitionId,
          leader: 0,
          replicas: [],
          isr: [],
        }));
        const message = { key, value: null };
        expect(partitionOfKey(key, count)).toBe(
          partitioner({ topic: 't', partitionMetadata, message }),
        );
      },
    ),
  );
});
