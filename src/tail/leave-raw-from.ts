import { AppError } from '../platform/errors.ts';
import type { PositionRecord } from './position.ts';
import type { SessionContext } from './session.ts';

/**
 * Called when reading goes on elsewhere than at the stored place of the stored server: where somebody
 * else's raw records end cannot be found there.
 *
 * @throws OFFSETS_REFUSED while that place has not been passed and raw records are written.
 */
export function leaveRawFrom(
  { settings, output }: Pick<SessionContext, 'settings' | 'output'>,
  { rawFrom, serverId }: PositionRecord,
  why: string,
): void {
  if (!rawFrom) return;
  const { file, pos, row } = rawFrom;
  if (settings.raw)
    throw new AppError('OFFSETS_REFUSED', {
      reason: 'the raw topics were taken over at a place of another server or history',
      why,
      serverId,
      place: { file, pos, row },
      fix: 'point --source at that server until the tailer has passed the place; or --raw off, which leaves a gap in the raw topics',
    });
  output.forgetRawFrom();
}
