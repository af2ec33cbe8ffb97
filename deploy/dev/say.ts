/** Tells the user what the set-up does. On stderr: stdout belongs to the command. */
export function say(text: string): void {
  process.stderr.write(`usagestream: ${text}\n`);
}

/** Announces a step, reminds every ten seconds that it still runs, and tells how long it took. */
export async function step<T>(text: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  say(`${text} ...`);
  const reminder = setInterval(() => say(`${text} ... ${seconds().toFixed(0)} s`), 10_000);
  try {
    const result = await work();
    say(`${text}: done in ${seconds().toFixed(1)} s`);
    return result;
  } finally {
    clearInterval(reminder);
  }
}
