import type { PositionRecord } from './position.ts';
import type { Boundary } from './source.ts';

/** The place in the binlog that a position names. */
export const placeOf = ({ file, pos, gtid, fileMs, lastXid }: PositionRecord): Boundary => ({
  end: { file, pos },
  gtid,
  fileMs,
  lastXid,
});
