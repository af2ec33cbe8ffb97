/**
 * When MySQL first committed the transaction of a GTID event, on whatever server: epoch µs, or null where the
 * server does not say.
 *
 * @param body The event without header and checksum.
 * @see https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Gtid__event.html
 */
export function gtidCommitUs(body: Buffer, tagged: boolean): number | null {
  return tagged ? taggedCommitUs(body) : plainCommitUs(body);
}

// flags, UUID, number, kind of the logical clock and its two numbers; then times of seven bytes.
const timesAt = 1 + 16 + 8 + 1 + 8 + 8;
const originalFollows = 0x80;

function plainCommitUs(body: Buffer): number | null {
  if (body.length < timesAt + 7) return null;
  const top = body[timesAt + 6]!;
  const original = (top & originalFollows) !== 0 && body.length >= timesAt + 14;
  return sevenBytes(body, original ? timesAt + 7 : timesAt);
}

const sevenBytes = (body: Buffer, at: number): number =>
  body.readUIntLE(at, 6) + (body[at + 6]! & 0x7f) * 2 ** 48;

const field = { uuid: 1, tag: 3, immediateTime: 6, originalTime: 7 } as const;

/** Fields in ascending order of their ids, each number of a variable length. */
function taggedCommitUs(body: Buffer): number | null {
  let at = 0;
  const next = (): number => {
    const first = body[at++] ?? 0;
    let extra = 0;
    while (extra < 8 && ((first >> extra) & 1) === 1) extra++;
    let value = extra === 8 ? 0n : BigInt(first) >> BigInt(extra + 1);
    for (let i = 0; i < extra; i++) {
      const shift = extra === 8 ? 8 * i : 8 * i + 8 - (extra + 1);
      value |= BigInt(body[at++] ?? 0) << BigInt(shift);
    }
    return Number(value);
  };
  next();
  const end = Math.min(body.length, next());
  next();
  let found: number | null = null;
  while (at < end) {
    const id = next();
    if (id > field.originalTime) break;
    if (id === field.uuid) for (let i = 0; i < 16; i++) next();
    else if (id === field.tag) {
      const length = next();
      at += length;
    } else {
      const value = next();
      if (id === field.immediateTime || id === field.originalTime) found = value;
    }
  }
  return found;
}
