import { pause } from '../platform/lifecycle.ts';
import type { Session } from './session.ts';

/** An answer that the server has given may be so long on its way, ms. */
const underWayMs = 1000;

/**
 * Drops connections that wait for an answer which cannot come any more, until the signal aborts: nothing comes,
 * and the server, asked by another connection, does not know of the statement, because it never arrived or
 * was answered long ago. So a long publication may take minutes, and a dead connection does not.
 *
 * @param control To the same server, used by others as well.
 * @param everyMs A statement that is silent for less is not looked at.
 * @throws STORE_UNREACHABLE when `control` does not answer.
 */
export async function dropDead(
  control: Session,
  sessions: readonly Session[],
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  let before = new Map<Session, string | null>();
  const isSilent = (one: Session) => one.waitsFor !== null && one.waitsFor === before.get(one);
  for (;;) {
    await pause(everyMs, signal);
    if (signal.aborted) return;
    const silent = sessions.filter(isSilent);
    before = new Map(sessions.map((one) => [one, one.waitsFor]));
    if (silent.length === 0) continue;
    const working = await control.rows(
      `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE ID IN (?) AND COMMAND <> 'Sleep'`,
      [silent.map((one) => one.connectionId)],
    );
    const ids = new Set(working.map((row) => Number(row['id'])));
    const suspects = silent.filter((one) => !ids.has(one.connectionId));
    if (suspects.length === 0) continue;
    await pause(underWayMs, signal);
    for (const one of suspects) if (isSilent(one)) one.drop();
  }
}
