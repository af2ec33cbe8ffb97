import type { LogWriter, OutRecord } from './log.ts';

/**
 * Writes records in one transaction of the log; none is to be seen when one cannot be written.
 *
 * @param beforeCommit Where a test may kill the process.
 */
export async function sendTogether(
  writer: LogWriter,
  records: readonly OutRecord[],
  beforeCommit = (): void => {},
): Promise<void> {
  const transaction = await writer.begin();
  try {
    await transaction.append(records);
    beforeCommit();
    await transaction.commit();
  } catch (error) {
    await transaction.abort().catch(() => {}); // the first error says more
    throw error;
  }
}
