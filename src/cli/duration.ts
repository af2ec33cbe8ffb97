const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `90s`, `15m`, `1h30m`, `500ms`; null when the text is not a duration. Milliseconds. */
export function parseDuration(text: string): number | null {
  const compact = text.trim().replaceAll(' ', '');
  if (!/^(?:\d+(?:ms|s|m|h|d))+$/.test(compact)) return null;
  let total = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+)(ms|s|m|h|d)/g))
    total += Number(amount) * (units[unit ?? ''] ?? 0);
  return Number.isSafeInteger(total) ? total : null;
}
