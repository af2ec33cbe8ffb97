import { connect as connectPlain, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel } from 'kafkajs';
import type { LogEntry, SASLOptions } from 'kafkajs';
import { authorityFile } from '../authority-file.ts';
import type { Logger } from '../logger.ts';
import { createCluster } from './kafka-internals.ts';
import type { Cluster } from './kafka-internals.ts';

export interface KafkaOptions {
  /** host:port of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
  readonly logger: Logger;
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined;
}

export interface KafkaTls {
  /** File of the authorities' certificates, PEM; read for each connection. */
  readonly caFile?: string | undefined;
  /** PEM texts. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** false takes any certificate. */
  readonly verify: boolean;
}

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** One client of the broker with sockets of its own, so that it can be ended at once whatever it waits for. */
export interface KafkaClient {
  readonly kafka: Kafka;
  /** A connection pool of kafkajs, below its producers and consumers. */
  cluster(): Cluster;
  /** Connections to a broker that ended so far. */
  lostTo(broker: { readonly host: string; readonly port: number }): number;
  /** Cuts every connection: what waits for an answer fails now, and nothing connects again. */
  close(): void;
}

const CONNECT_MS = 3000;
const KEEP_ALIVE_MS = 60_000;

/** Makes a client; it connects when it is first used. */
export function createKafkaClient(options: KafkaOptions): KafkaClient {
  const sockets = new Set<Socket>();
  const lost = new Map<string, number>();
  let closed = false;
  const { tls } = options;
  const authorities = tls?.caFile === undefined ? undefined : authorityFile(tls.caFile);
  const kafka = new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: CONNECT_MS,
    // Few and quick: each user of this client has its own, longer patience.
    retry: { retries: 3, initialRetryTime: 15, multiplier: 2, factor: 0.2, maxRetryTime: 500 },
    ...(tls && { ssl: { ...definedOnly(tls), rejectUnauthorized: tls.verify } }),
    ...(options.sasl && { sasl: saslOf(options.sasl) }),
    logLevel: options.logger.isLevelEnabled('debug') ? logLevel.INFO : logLevel.NOTHING,
    logCreator: () => (entry) => logEntry(options.logger, entry),
    socketFactory: ({ host, port, ssl, onConnect }) => {
      if (closed) throw new Error('the client is closed');
      const socket = ssl
        ? connectTls(
            {
              ...{ host, port, ...ssl },
              ...(isIP(host) === 0 && { servername: host }),
              ...(authorities && { ca: authorities() }),
            },
            onConnect,
          )
        : connectPlain({ host, port }, onConnect);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        lost.set(`${host}:${port}`, (lost.get(`${host}:${port}`) ?? 0) + 1);
      });
      return socket;
    },
  });
  return {
    kafka,
    cluster: () => createCluster(kafka),
    lostTo: ({ host, port }) => lost.get(`${host}:${port}`) ?? 0,
    close() {
      closed = true;
      // With an error, because kafkajs rejects what is in flight on `error` and `end` only.
      for (const socket of sockets) socket.destroy(new Error('the client was closed'));
    },
  };
}

function definedOnly(tls: KafkaTls): { cert?: string; key?: string } {
  return {
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  };
}

function saslOf({ mechanism, username, password }: KafkaSasl): SASLOptions {
  return { mechanism, username, password };
}

/**
 * Everything at debug: what kafkajs calls an error is an answer that it or its caller retries or
 * throws. Few fields: to some entries it adds whole requests.
 */
function logEntry(logger: Logger, { namespace, log }: LogEntry): void {
  const { message: said, broker, groupId, error } = log;
  const reason: unknown = error instanceof Error ? error.message : error;
  logger.debug({ namespace, said, broker, groupId, reason }, 'kafka client reported');
}
