import { EventEmitter, once } from 'node:events';
import { expect } from 'vitest';
import { AppError } from '../../src/platform/errors.ts';
import type { GroupHandler } from '../../src/platform/log/log.ts';

/**
 * The store behind a group, in memory: where each partition goes on, and a fence. Its members check
 * what they are handed: an owner's batches follow on from each other, and nothing of one replaced is kept.
 */
export class LogStore {
  readonly next = new Map<number, number>();
  readonly values = new Map<number, string[]>();
  readonly #epochs = new Map<number, number>();
  readonly #owned = new Map<GroupHandler, readonly number[]>();
  readonly #changed = new EventEmitter().setMaxListeners(0);

  member(): GroupHandler {
    const mine = new Map<number, number>();
    const handler: GroupHandler = {
      assigned: async (partitions) => {
        for (const partition of partitions) {
          const epoch = (this.#epochs.get(partition) ?? 0) + 1;
          this.#epochs.set(partition, epoch);
          mine.set(partition, epoch);
        }
        this.#owned.set(handler, partitions);
        this.#changed.emit('change');
        return new Map(partitions.map((partition) => [partition, this.next.get(partition) ?? 0]));
      },
      batch: async ({ partition, records, nextOffset }) => {
        if (mine.get(partition) !== this.#epochs.get(partition)) {
          throw new AppError('SINK_FENCED', { partition });
        }
        const from = this.next.get(partition) ?? 0;
        for (const { offset } of records) {
          expect(offset).toBeGreaterThanOrEqual(from);
          expect(offset).toBeLessThan(nextOffset);
        }
        const values = records.map(({ value }) => String(value));
        this.values.set(partition, [...(this.values.get(partition) ?? []), ...values]);
        this.next.set(partition, nextOffset);
        this.#changed.emit('change');
      },
      revoked: async (partitions) => {
        expect(partitions).toEqual(this.#owned.get(handler));
        this.#owned.delete(handler);
        this.#changed.emit('change');
      },
    };
    return handler;
  }

  /** How many partitions each member with any has, ascending. */
  owners(): number[] {
    return [...this.#owned.values()].map(({ length }) => length).toSorted((a, b) => a - b);
  }

  get count(): number {
    return [...this.values.values()].reduce((sum, { length }) => sum + length, 0);
  }

  holds(count: number): Promise<void> {
    return this.#until(() => this.count >= count);
  }

  sharedBy(owners: readonly number[]): Promise<void> {
    return this.#until(() => String(this.owners()) === String(owners));
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.#changed, 'change');
  }
}
