import { freePort } from '../../deploy/dev/ports.ts';
import { startKafka } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { KafkaProxy } from './kafka-proxy.ts';

/** A broker of the test's own, and a proxy that those who connect to it are sent to. */
export interface ProxiedKafka extends AsyncDisposable {
  readonly broker: LocalServer;
  readonly proxy: KafkaProxy;
  /** Of the listener behind the proxy. */
  readonly port: number;
}

export async function startProxiedKafka(): Promise<ProxiedKafka> {
  const port = await freePort();
  const proxy = await KafkaProxy.open(() => port);
  const broker = await startKafka({
    extra: { name: 'PROXIED', protocol: 'PLAINTEXT', port, advertised: proxy.port },
  });
  return {
    ...{ broker, proxy, port },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}
