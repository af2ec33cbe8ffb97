import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseLogUrl } from '../../src/cli/log-url.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { positions, usageFeed } from '../../streams/index.ts';
import { freePort } from '../../deploy/dev/ports.ts';
import { hasOpenssl, keyAndChain, makeCertificates } from '../support/certificates.ts';
import type { Certificates } from '../support/certificates.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { canStartServers, randomSuffix, servers, startKafka } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import { withAdmin } from '../support/kafka-admin.ts';
import { LogStore } from './log-store.ts';

const LIMIT_MS = 60_000;
/** Of a login: kafkajs renews it 10 s before its end, and cannot where it is shorter than that. */
const SESSION_MS = 12_000;
const logger = createLogger({ level: 'silent' });
const folder = scratchFolder();
const password = 'right horse';
let certificates: Certificates;
let broker: LocalServer;
let port: number;

describe.skipIf(!canStartServers() || !hasOpenssl())('a broker with TLS and passwords', () => {
  beforeAll(async () => {
    certificates = makeCertificates(folder.path);
    port = await freePort();
    broker = await startSecureKafka();
  }, LIMIT_MS);
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** As an operator writes it for `--log`. */
  const open = (query: string, signal?: AbortSignal, secret = password): Promise<EventLog> =>
    openKafkaLog({
      ...parseLogUrl(`kafka://127.0.0.1:${port}?${query}`, secret),
      clientId: 'secure-test',
      logger,
      signal,
    });

  test.each([
    { mechanism: 'plain', tls: () => `tls=verify&ca=${certificates.ca}` },
    { mechanism: 'scram-sha-256', tls: () => `tls=verify&ca=${certificates.ca}` },
    { mechanism: 'scram-sha-512', tls: () => `ca=${certificates.ca}` },
    { mechanism: 'scram-sha-512', tls: () => 'tls=required' },
  ])('is written to, read and joined by $mechanism', async ({ mechanism, tls }) => {
    await using log = await open(`${tls()}&sasl=${mechanism}&user=billing`);
    const prefix = `t${randomSuffix()}`;
    await log.ensureTopics(prefix, [positions], 1);
    const topic = positions.topic(prefix);
    const store = new LogStore();
    await using _member = await log.join({ topic, group: prefix, handler: store.member() });
    await using writer = await log.writer({ transactionalId: prefix });
    const transaction = await writer.begin();
    await transaction.append([{ topic, partition: 0, key: 'k', value: 'v' }]);
    await transaction.commit();
    await store.holds(1);
    expect(store.values.get(0)).toEqual(['v']);
  });

  test.concurrent.each(['plain', 'scram-sha-256', 'scram-sha-512'])(
    'that gets a wrong password by %s says so, without the password',
    async (mechanism) => {
      const query = `ca=${certificates.ca}&sasl=${mechanism}&user=billing`;
      const fault: unknown = await open(query, undefined, 'wrong horse').catch(
        (error: unknown) => error,
      );
      expect(fault).toMatchObject({ code: 'LOG_ACCESS_DENIED' });
      expect(JSON.stringify(fault)).not.toContain('wrong horse');
    },
  );

  test.concurrent.each([
    { why: 'an authority that did not sign', query: () => `ca=${certificates.otherCa}` },
    { why: 'no authority, where it has to verify', query: () => 'tls=verify' },
  ])('is refused by a client with $why', async ({ query }) => {
    const refused = open(`${query()}&sasl=plain&user=billing`);
    await expect(refused).rejects.toMatchObject({ code: 'LOG_TLS_FAILED' });
  });

  test.each([
    { why: 'TLS', query: () => 'sasl=plain&user=billing' },
    { why: 'a user', query: () => `ca=${certificates.ca}` },
  ])('does not talk to a client without $why', { timeout: LIMIT_MS }, async ({ query }) => {
    const refused = open(query(), AbortSignal.timeout(1500));
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^LOG_/) });
  });

  test(
    'that ends a login after a while: it is renewed, and each change comes once',
    { timeout: LIMIT_MS },
    async () => {
      await using cloud = await tailedCloud(servers().mariadbUrl, [
        `${broker.host}:${broker.port}`,
      ]);
      await using log = await open(`ca=${certificates.ca}&sasl=scram-sha-512&user=billing`);
      const tail = cloud.start({}, log);
      await tail.when(({ phase }) => phase === 'stream');
      const endMs = performance.now() + SESSION_MS + 2000;
      let id = 0;
      while (performance.now() < endMs) {
        await insertEvent(cloud.sql, { id: ++id });
        await tail.whenCaughtUp();
        await sleep(200);
      }
      await tail.stop();
      const feed = await cloud.feed();
      const ids = feed.flatMap((each) =>
        each.kind === 'usage-event' ? [Number(each.event.id)] : [],
      );
      expect(ids).toEqual(Array.from({ length: id }, (_, i) => i + 1));
    },
  );

  test(
    'that revokes a right makes a tailer wait, and say so, until it is given back',
    { timeout: LIMIT_MS },
    async () => {
      const operator = [`${broker.host}:${broker.port}`];
      await using cloud = await tailedCloud(servers().mariadbUrl, operator);
      await using log = await open(`ca=${certificates.ca}&sasl=scram-sha-512&user=billing`);
      const tail = cloud.start({}, log);
      await insertEvent(cloud.sql, { id: 1 });
      await tail.when(({ phase }) => phase === 'stream');
      await tail.whenCaughtUp();
      const acl = {
        resourceType: 2, // kafkajs' enumerations are out of an ES module's reach: TOPIC
        resourceName: usageFeed.topic(cloud.prefix),
        resourcePatternType: 3, // LITERAL
        principal: 'User:billing',
        host: '*',
        operation: 4, // WRITE
        permissionType: 2, // DENY
      };
      await withAdmin(operator, (admin) => admin.createAcls({ acl: [acl] }));
      await insertEvent(cloud.sql, { id: 2 });
      await expect
        .poll(() => tail.metrics.faults.list(), { timeout: 20_000 })
        .toMatchObject([{ part: 'tail', code: 'LOG_ACCESS_DENIED' }]);
      await withAdmin(operator, (admin) => admin.deleteAcls({ filters: [acl] }));
      await tail.whenCaughtUp();
      await tail.stop();
      expect(tail.metrics.faults.list()).toEqual([]);
      const feed = await cloud.feed();
      const ids = feed.flatMap((each) => (each.kind === 'usage-event' ? [each.event.id] : []));
      expect(ids).toEqual(['1', '2']);
    },
  );
});

/** One more listener than the broker's own, by which alone it is reached from here. */
function startSecureKafka(): Promise<LocalServer> {
  const keystore = join(folder.path, 'keystore.pem');
  writeFileSync(keystore, keyAndChain(certificates));
  const listener = 'listener.name.secure';
  const login = (mechanism: string) =>
    `org.apache.kafka.common.security.${mechanism} required user_billing="${password}";`;
  return startKafka({
    extra: { port, name: 'SECURE', protocol: 'SASL_SSL' },
    // The plain listener is the operator's; everybody else has every right that is not denied.
    scram: [
      `SCRAM-SHA-256=[name=billing,password=${password}]`,
      `SCRAM-SHA-512=[name=billing,password=${password}]`,
    ],
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'allow.everyone.if.no.acl.found': 'true',
      [`${listener}.connections.max.reauth.ms`]: String(SESSION_MS),
      [`${listener}.ssl.keystore.type`]: 'PEM',
      [`${listener}.ssl.keystore.location`]: keystore,
      [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      [`${listener}.plain.sasl.jaas.config`]: login('plain.PlainLoginModule'),
      [`${listener}.scram-sha-256.sasl.jaas.config`]: login('scram.ScramLoginModule'),
      [`${listener}.scram-sha-512.sasl.jaas.config`]: login('scram.ScramLoginModule'),
    },
  });
}
