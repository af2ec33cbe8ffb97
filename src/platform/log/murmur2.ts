const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** The partition that Kafka's Java client gives a key: positive murmur2 modulo the count. */
export const partitionOfKey = (key: Uint8Array, partitions: number): number =>
  (murmur2(key) & 0x7fffffff) % partitions;

/** MurmurHash2, 32 bits, with the seed of the Java client; signed. @see org.apache.kafka.common.utils.Utils.murmur2 */
export function murmur2(data: Uint8Array): number {
  const { length } = data;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, MIX);
    word = Math.imul(word ^ (word >>> 24), MIX);
    hash = Math.imul(hash, MIX) ^ word;
  }
  const rest = length & 3;
  if (rest === 3) hash ^= data[whole + 2]! << 16;
  if (rest >= 2) hash ^= data[whole + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ data[whole]!, MIX);
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}
