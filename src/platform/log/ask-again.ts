import { setTimeout } from 'node:timers/promises';
import { errorType } from './kafka-errors.ts';

/** The transaction before, or the writer before, may have to be ended first. */
const PATIENCE_MS = 30_000;

/** Answers after which the same request is sent again: nothing was done yet. */
export const notYet = [
  'CONCURRENT_TRANSACTIONS',
  'GROUP_LOAD_IN_PROGRESS',
  'COORDINATOR_LOAD_IN_PROGRESS',
];
/** And those after which the coordinator has to be looked for again. */
export const elsewhere = [
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  // kafkajs' own name, when no broker knew one.
  'KafkaJSGroupCoordinatorNotFound',
];

/** And those after which it helps to ask who leads which partition: topics come and go meanwhile. */
export const moved = [
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
];

/** Asks again after some errors, for a while. */
export async function again<T>(after: readonly string[], ask: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 250)) {
    try {
      return await ask();
    } catch (error) {
      const name = errorType(error) ?? (error instanceof Error ? error.name : '');
      if (!after.includes(name) || performance.now() > endMs) throw error;
      await setTimeout(waitMs);
    }
  }
}
