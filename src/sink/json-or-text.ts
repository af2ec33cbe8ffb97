/** Stored JSON as a value; as text where it is none, so that one bad row does not hold up those behind it. */
export function jsonOrText(stored: string): unknown {
  try {
    return JSON.parse(stored) as unknown;
  } catch {
    return stored;
  }
}
