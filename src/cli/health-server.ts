import fastify from 'fastify';
import { AppError } from '../platform/errors.ts';
import type { Metrics } from '../platform/metrics.ts';

/**
 * Serves `/metrics` (Prometheus), `/healthz` (the process answers) and `/readyz` (503 with
 * the faults while a stage waits for one to be over). No authentication: listen on loopback, or behind something that has it.
 *
 * @param address `host:port`, or `off`.
 * @throws CONFIG_INVALID when the address is none or is taken.
 */
export async function serveHealth(
  address: string,
  metrics: Metrics,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  if (address === 'off') return { [Symbol.asyncDispose]: async () => undefined };
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined) throw invalid(`--http: write address:port, not ${address}`);
  const server = fastify({ logger: false });
  server.get('/metrics', async (_request, reply) => {
    await reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const faults = metrics.faults.list();
    const status = signal.aborted ? 'stopping' : faults.length > 0 ? 'waiting' : 'ok';
    await reply.code(status === 'ok' ? 200 : 503).send({ status, faults });
  });
  try {
    await server.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) });
  } catch (cause) {
    throw invalid(`--http: ${cause instanceof Error ? cause.message : 'cannot listen'}`);
  }
  return { [Symbol.asyncDispose]: () => server.close() };
}

const invalid = (problem: string) => new AppError('CONFIG_INVALID', { problems: [problem] });
