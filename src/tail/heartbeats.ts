import { z } from 'zod';
import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';
import { debeziumPayload } from './debezium-payload.ts';

/** How far back the newest one is looked for at the start. */
const lookBack = 1000;

const Heartbeat = z.object({ ts_ms: z.number() });

/** Reads the heartbeats of a Debezium: when it last gave a sign of life, by its own clock. */
export class Heartbeats {
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #next = new Map<number, number>();
  #newest: EpochMs | null = null;

  constructor(log: EventLog, topic: string) {
    this.#log = log;
    this.#topic = topic;
  }

  /** @returns epoch ms; null when there was none yet. @throws ADOPT_UNREADABLE when it is none. */
  async newest(signal: AbortSignal): Promise<EpochMs | null> {
    const topic = this.#topic;
    for (const { partition, earliest, next } of await this.#log.offsets(topic)) {
      const from = Math.max(earliest, this.#next.get(partition) ?? next - lookBack);
      this.#next.set(partition, next);
      if (from >= next) continue;
      for await (const { records } of this.#log.read({
        topic,
        partition,
        from,
        until: next,
        signal,
      }))
        for (const { value } of records) {
          const atMs = value === null ? null : this.#timeOf(value.toString());
          if (atMs !== null && atMs > (this.#newest ?? -Infinity)) this.#newest = atMs;
        }
    }
    return this.#newest;
  }

  #timeOf(text: string): EpochMs {
    const read = Heartbeat.safeParse(debeziumPayload(text));
    if (read.success) return read.data.ts_ms;
    throw new AppError('ADOPT_UNREADABLE', { topic: this.#topic, reason: 'not a heartbeat' });
  }
}
