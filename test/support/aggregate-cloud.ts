import {
  account,
  detail,
  event,
  hour,
  minute,
  start,
  vm,
  volume,
  watermark,
} from './aggregate-feed.ts';
import type { Draft } from './aggregate-feed.ts';

/** End of the last window that the small cloud closes: when a worker has closed it, nothing is left to do. */
export const cloudEndMs = start + 59 * hour;

/**
 * Two days of a cloud of 15 accounts: machines and volumes that come and go, machines of custom size with
 * details (some before their event, as a snapshot sends them), late commits within and beyond the close
 * delay, duplicates, and a last watermark that closes all. Each record carries the watermark of its moment, so
 * that what is late does not depend on how accounts are placed. A tenth is up to 90 minutes late, so that some
 * windows of every cloud are corrected.
 */
export function smallCloud(random: () => number): Draft[] {
  const feed: Draft[] = [];
  const accounts = Array.from({ length: 15 }, (_, at) => String(at + 1));
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  for (const id of accounts) feed.push(account(id));
  const machines: { id: string; owner: string; columns: Record<string, unknown> }[] = [];
  const volumes: { id: string; owner: string }[] = [];
  let next = 1;
  for (let now = start; now < start + 48 * hour; now += Math.floor(random() * 6 * minute)) {
    // For ten hours nothing says how late it is, as in a snapshot: then many windows close at once.
    const isSilent = now > start + 20 * hour && now < start + 30 * hour;
    const lag = random() < 0.1 ? 90 * minute : random() < 0.2 ? 10 * minute : 0;
    const created = Math.max(start, now - Math.floor((random() * lag) / 1000) * 1000);
    const write = (type: string, owner: string, columns: Record<string, unknown>) => {
      const one = event(next++, type, owner, created, isSilent ? null : now, columns);
      feed.push(one);
      if (random() < 0.03) feed.push(one);
    };
    const id = String(1000 + next);
    const dice = random();
    if (dice < 0.25) {
      const owner = pick(accounts);
      volumes.push({ id, owner });
      write('VOLUME.CREATE', owner, { ...volume, resourceId: id, resourceName: `v'${id}\\` });
    } else if (dice < 0.4 && volumes.length > 0) {
      const [gone] = volumes.splice(Math.floor(random() * volumes.length), 1);
      if (gone) write('VOLUME.DELETE', gone.owner, { resourceId: gone.id });
    } else if (dice < 0.6) {
      const owner = pick(accounts);
      const columns = { ...vm, resourceId: id, resourceName: `vm-${id}-é` };
      machines.push({ id, owner, columns });
      const isCustom = random() < 0.3;
      const size = (eventId: number) => {
        feed.push(detail(eventId * 3, eventId, owner, 'cpuNumber', '2'));
        feed.push(detail(eventId * 3 + 1, eventId, owner, 'cpuSpeed', '2000'));
        feed.push(detail(eventId * 3 + 2, eventId, owner, 'memory', '1024'));
      };
      if (isCustom) size(next);
      write('VM.CREATE', owner, columns);
      write('VM.START', owner, columns);
      if (isCustom) size(next - 1);
    } else if (machines.length > 0) {
      const { owner, columns } = pick(machines);
      write(pick(['VM.STOP', 'VM.START', 'VM.STOP', 'VM.DESTROY']), owner, columns);
    }
  }
  feed.push(watermark(cloudEndMs + hour));
  return feed;
}
