import { readdirSync, readlinkSync } from 'node:fs';

/**
 * Whether a stage has a connection to anybody: then it has begun, and hears a SIGTERM. One that still loads
 * its code is ended by the system, whatever it would have done later.
 *
 * @see proc(5), fd.
 */
export function hasConnected(pid: number): boolean {
  const folder = `/proc/${pid}/fd`;
  // The first three are its pipes to us, which are sockets, too.
  return attempt(() => readdirSync(folder), [])
    .filter((fd) => Number(fd) > 2)
    .some((fd) => attempt(() => readlinkSync(`${folder}/${fd}`), '').startsWith('socket:'));
}

/** What was looked at may be gone meanwhile. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
