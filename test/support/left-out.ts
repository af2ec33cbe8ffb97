/**
 * Says that tests are left out on this machine, and why. With USAGESTREAM_TEST_REQUIRE=1, as where the
 * command that started them has brought all that they need, that is a failure: a green run ran them all.
 *
 * @param why What is missing, and what would bring it.
 * @returns false, for the condition of the tests
 * @throws Error when nothing may be left out
 */
export function leftOut(what: string, why: string, env: NodeJS.ProcessEnv = process.env): false {
  const text = `${what} (${why})`;
  if (!['', '0'].includes(env['USAGESTREAM_TEST_REQUIRE'] ?? ''))
    throw new Error(
      `these must run and cannot: ${text}; USAGESTREAM_TEST_REQUIRE=0 leaves them out`,
    );
  console.warn(`skipped: ${text}`);
  return false;
}
