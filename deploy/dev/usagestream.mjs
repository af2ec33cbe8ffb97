#!/usr/bin/env node
// The `usagestream` command: any Node >= 18 may start it, Node 24 runs the program.
import { fileURLToPath } from 'node:url';
import { nodeFlags } from './node-flags.mjs';
import { findNode24, nodeEnvironment } from './node24.mjs';
import { forwardSignals, Interrupted, run } from './processes.mjs';
import { say } from './progress.mjs';

forwardSignals();
try {
  const node = await findNode24();
  const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  process.exit(
    await run(node, [...nodeFlags, program, ...process.argv.slice(2)], {
      env: nodeEnvironment(node),
    }),
  );
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof Interrupted ? error.code : 1);
}
