import { AppError } from '../platform/errors.ts';

/*
 * The file of Kafka Connect's standalone mode is a java.util.HashMap of byte arrays, in Java's own
 * serial form. Only this one shape is read and written.
 * See the Java Object Serialization Specification, chapter 6.
 */
const HEADER = Buffer.from('aced0005', 'hex');
const MAP = Buffer.concat([
  Buffer.from('737200116a6176612e7574696c2e486173684d61700507dac1c31660d103000246', 'hex'),
  Buffer.from('000a6c6f6164466163746f724900097468726573686f6c647870', 'hex'),
]);
/** Load factor 0.75, threshold 12, and a block with the number of buckets before the number of entries. */
const FILLING = Buffer.from('3f4000000000000c770800000010', 'hex');
const FIRST_ARRAY = Buffer.from('757200025b42acf317f8060854e00200007870', 'hex');
/** An array of the class that the first one described: the third handle, after map class and map. */
const NEXT_ARRAY = Buffer.from('757100' + '7e0002', 'hex');
const NULL = 0x70;
const END = Buffer.from('78', 'hex');

export function encodeOffsetFile(entries: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [HEADER, MAP, FILLING, int(entries.size)];
  let first = true;
  for (const text of [...entries].flat()) {
    const bytes = Buffer.from(text);
    parts.push(first ? FIRST_ARRAY : NEXT_ARRAY, int(bytes.length), bytes);
    first = false;
  }
  return Buffer.concat([...parts, END]);
}

/** @throws OFFSETS_REFUSED when it is not such a file. */
export function decodeOffsetFile(file: Buffer): ReadonlyMap<string, string> {
  let at = HEADER.length + MAP.length + 8;
  const start = Buffer.concat([HEADER, MAP]);
  if (!file.subarray(0, start.length).equals(start) || file.length < at + 10) throw notOne();
  if (file.readUInt16BE(at) !== 0x7708) throw notOne();
  const size = file.readInt32BE(at + 6);
  at += 10;
  const next = (): string | null => {
    if (file[at] === NULL) {
      at += 1;
      return null;
    }
    const head = [FIRST_ARRAY, NEXT_ARRAY].find((each) =>
      file.subarray(at, at + each.length).equals(each),
    );
    if (!head) throw notOne();
    at += head.length;
    const length = file.readInt32BE(at);
    at += 4 + length;
    if (length < 0 || at > file.length) throw notOne();
    return file.subarray(at - length, at).toString();
  };
  const entries = new Map<string, string>();
  for (let i = 0; i < size; i++) {
    const [key, value] = [next(), next()];
    if (key !== null && value !== null) entries.set(key, value);
  }
  return entries;
}

/** Whether a file may be one: all of Java's serial form begin so. */
export const isOffsetFile = (file: Buffer): boolean => file.subarray(0, 4).equals(HEADER);

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const notOne = () =>
  new AppError('OFFSETS_REFUSED', {
    reason: "not an offset file of Kafka Connect's standalone mode",
  });
