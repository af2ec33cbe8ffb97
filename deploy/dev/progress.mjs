// What the user sees of the set-up: plain lines on stderr, so that stdout stays the command's own.

export function say(text) {
  process.stderr.write(`usagestream: ${text}\n`);
}

/** Announces a step, reminds every ten seconds that it still runs, and tells how long it took. */
export async function step(text, work) {
  const start = Date.now();
  const seconds = () => ((Date.now() - start) / 1000).toFixed(1);
  say(`${text} ...`);
  const reminder = setInterval(() => say(`${text} ... ${Math.round(seconds())} s`), 10_000);
  try {
    const result = await work();
    say(`${text}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(reminder);
  }
}
