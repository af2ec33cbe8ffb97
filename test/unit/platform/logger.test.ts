import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const source = new URL('../../../src/platform/', import.meta.url);

/** What the logger writes to stderr in a process of its own: it has no other place to write to. */
function logged(statements: string): string {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('logger.ts', source).href)};
    import { AppError } from ${JSON.stringify(new URL('errors.ts', source).href)};
    const logger = createLogger({ level: 'trace' });
    const target = { host: 'db', user: 'reader', password: 'hunter2' };
    ${statements}`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(run.status).toBe(0);
  expect(run.stdout).toBe('');
  return run.stderr;
}

test('a password is never written, however deep it lies in the facts, the error or a text', () => {
  const text = logged(`
    logger.info(target, 'at the top');
    logger.info({ target }, 'one below');
    logger.info({ options: { source: { target } } }, 'deeper');
    logger.info({ values: { sourcePassword: 'hunter2', sinkPassword: 'hunter2', logPassword: 'hunter2' } }, 'settings');
    logger.info({ kafka: { sasl: { mechanism: 'plain', password: 'hunter2' } } }, 'sasl');
    logger.info({ sink: 'mysql://writer:hunter2@db:3306/x' }, 'an address under any name');
    logger.info('cannot reach mysql://writer:hunter2@db:3306');
    const cause = new Error('refused: mysql://writer:hunter2@db:3306');
    logger.error({ err: new AppError('STORE_UNREACHABLE', { target }, cause) }, 'an error with facts and cause');
    const error = Object.assign(new Error('failed'), { config: target, cause });
    logger.debug({ error, err: error }, 'an error of a library');
  `);
  expect(text.trim().split('\n').length).toBe(9);
  expect(text).toContain('[redacted]');
  expect(text).not.toContain('hunter2');
});

test('an address without a password, and what else is said, is left as it is', () => {
  const text = logged(
    `logger.info({ sink: 'mysql://writer@db:3306/x', at: '10:00:00' }, 'a:b@c');`,
  );
  expect(JSON.parse(text)).toMatchObject({
    sink: 'mysql://writer@db:3306/x',
    at: '10:00:00',
    msg: 'a:b@c',
  });
});
