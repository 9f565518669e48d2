import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { runMesos } from '../support/command.js';
import { complaint, leads, startServer } from './letting-in.js';
import { SecureServer } from './secure-server.js';

const certificates = fileURLToPath(new URL('../../cli/tls-for-tests-only/', import.meta.url));
const tls = (file: string): string => join(certificates, file);

t.test('TLS: each side shows a certificate that the other checks, for Nodes and the election alike', async (t) => {
  const server = await SecureServer.start(t, [
    ...['--tls-cert', tls('server.pem'), '--tls-key', tls('server.key')],
    ...['--tls-client-ca', tls('ca.pem'), '--masters', 'm1'],
  ]);
  t.match(server.url, /^tls:/);
  const trusting = { ...server.environmentOf('m1'), MESOS_TLS_CA: tls('ca.pem') };
  const known = { ...trusting, MESOS_TLS_CERT: tls('client.pem'), MESOS_TLS_KEY: tls('client.key') };
  await leads(known);
  const [otherCa, systemCas, unknown] = await Promise.all([
    complaint({ ...known, MESOS_TLS_CA: tls('other-ca.pem') }, '--timeout', '60secs'),
    complaint({ ...known, MESOS_TLS_CA: '' }, '--timeout', '60secs'),
    // By TLS 1.3 the server says so when the client believes to be in already, and nats 2.29 waits in vain.
    complaint(trusting, '--timeout', '60secs'),
  ]);
  t.match(otherCa, /unable to verify|certificate/, 'a server of another authority');
  t.match(systemCas, /unable to verify|certificate/, 'a server of an authority that nobody told of');
  t.match(unknown, /cannot reach/, 'a client without a certificate');
  const { MESOS_TLS_KEY, ...half } = known;
  t.match(await complaint(half), /give both or neither/, `${MESOS_TLS_KEY} is missing`);
});

t.test('who wants TLS speaks with no server that has none', async (t) => {
  const server = await startServer(t, {});
  const address = server.url.replace('nats:', 'tls:');
  t.match(await complaint({ NATS_URL: address }), /tls/i);
  t.match(await complaint({ NATS_URL: server.url, MESOS_TLS_CA: tls('ca.pem') }), /tls/i);
  const master = await runMesos(['master', '--election', 'standalone'], { NATS_URL: address });
  t.equal(master.code, 1);
  t.match(master.stderr, /tls/i);
});
