import type ZongJi from '@vlasky/zongji';

/** What the driver does with a packet; not declared. */
interface Hearing {
  handlePacket: (packet: unknown) => void;
}

/**
 * Stops the reader and listens to its connections no more.
 *
 * MySQL, since 8.0.24, says a last word to a client that leaves, also in the middle of logging in:
 * "Got an error reading communication packets", numbered as the server counts. The driver closes only its
 * own half, takes that word for a packet of what it was doing, and warns on stderr of packets out of
 * order. Nothing that comes after we have left can matter.
 *
 * @see https://dev.mysql.com/worklog/task/?id=12999
 */
export function hangUp(zongji: ZongJi): void {
  const { connection, ctrlConnection } = zongji;
  deafen(connection);
  // This one is still asked to end the other.
  zongji.once('stopped', () => deafen(ctrlConnection));
  zongji.stop();
}

function deafen(connection: object | null): void {
  if (connection) (connection as Hearing).handlePacket = () => {};
}
