import { resolve } from 'node:path';
import { JetStreamStorage } from '@mesos-ts/master';
import { Random, SystemClock } from '@mesos-ts/process';
import { natsRegister } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import type { TlsOptions } from 'nats';
import { readable } from '../connection.js';
import { readCredentials } from '../credentials.js';
import { CredentialsFolder } from '../credentials-folder.js';
import { flag, nameList, UsageError, wholeNumber } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { type ClusterMember, openAccounts } from '../nats-accounts.js';
import { type NatsServer, startNatsServer } from '../nats-server.js';

interface NatsFlags {
  readonly port: number;
  readonly host: string;
  readonly storeDir?: string;
  readonly jetstream: boolean;
  readonly cluster: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly secure?: boolean;
  readonly configDir: string;
  readonly masters?: readonly string[];
  readonly agents?: readonly string[];
  readonly frameworks?: readonly string[];
  readonly revoke?: readonly string[];
}

/** `mesos nats`: a nats-server that suits a cluster, in the foreground. */
export function addNatsCommand(program: Command): void {
  const command = program.command('nats').description('start a nats-server that suits a cluster, until Ctrl-C');
  flag(command, '--port <number>', 'the port for clients; 0: a free one', {
    parse: wholeNumber(0, 65_535),
    fallback: 4222,
    // MESOS_PORT is where a master answers HTTP, as in the original.
    env: 'MESOS_NATS_PORT',
  });
  flag(command, '--host <address>', 'the address to listen on', { fallback: '127.0.0.1' });
  flag(
    command,
    '--store-dir <folder>',
    'where JetStream keeps its streams; without it, a temporary folder that ends with the server, or with --secure a folder in the folder of --config-dir',
  );
  command.option('--no-jetstream', 'leave JetStream out: no election then, only standalone masters');
  flag(command, '--cluster <name>', 'the cluster that it is for', { fallback: 'mesos' });
  addTlsFlags(command);
  addSecureFlags(command);
  command.addHelpText(
    'after',
    `
Uses the binary named by NATS_SERVER, else nats-server on the PATH, else Debian's package without installing it.

With --secure, nobody speaks for another: every Node named (if nobody ever was: masters m1,m2,m3, agents a1,a2 and
framework f1) gets a file NAME.creds.json in the folder, which the other commands take by --credentials. Started again,
the server lets in those that it knows, and makes credentials for those named in addition.

Examples:
  mesos nats                                  on port 4222 of this machine
  mesos nats --port 4333 --store-dir ./nats   elsewhere, and the streams outlive it
  mesos nats --secure                         credentials in ./mesos-nats
  mesos nats --secure --agents a3,a4          two more agents in the same cluster
  mesos nats --secure --revoke a3             and one less
  mesos nats --secure --host 0.0.0.0 --tls-cert server.pem --tls-key server.key`,
  );
  command.action((flags: NatsFlags) => run(flags));
}

function addTlsFlags(command: Command): void {
  flag(command, '--tls-cert <file>', 'speak TLS, and only that, with this certificate');
  flag(command, '--tls-key <file>', 'and this key');
  flag(
    command,
    '--tls-client-ca <file>',
    'demand certificates of this authority from clients; that of --tls-cert must be one',
  );
}

function addSecureFlags(command: Command): void {
  command.option('--secure', 'let in nobody but the Nodes named, each with credentials of its own');
  flag(command, '--config-dir <folder>', 'for --secure: where credentials and accounts are kept', {
    fallback: 'mesos-nats',
  });
  const names = (flags: string, who: string): Command =>
    flag(command, flags, `for --secure: ${who}, separated by commas`, { parse: nameList });
  names('--masters <names>', 'masters to make credentials for');
  names('--agents <names>', 'agents to make credentials for');
  names('--frameworks <names>', 'frameworks to make credentials for');
  names('--revoke <names>', 'Nodes to let in no more');
}

async function run(flags: NatsFlags): Promise<void> {
  const end = askedToEnd();
  const server = flags.secure === true ? await startSecure(flags) : await startOpen(flags);
  const why = await Promise.race([end, server.exited]);
  await server.stop();
  if (typeof why !== 'string')
    throw new Error(`nats-server ended by itself:\n${server.logLines().slice(-5).join('\n')}`);
}

async function startOpen(flags: NatsFlags): Promise<NatsServer> {
  for (const name of ['masters', 'agents', 'frameworks', 'revoke'] as const)
    if (flags[name] !== undefined) throw new UsageError(`--${name} is for --secure: add that`);
  const server = await start(flags, openAccounts(flags.cluster, flags.jetstream), flags.storeDir);
  const streams = server.storeDir === undefined ? 'without JetStream' : `with JetStream in ${server.storeDir}`;
  say(`nats-server listens on ${urlOf(flags, server)} ${streams}; Ctrl-C ends it`);
  return server;
}

async function startSecure(flags: NatsFlags): Promise<NatsServer> {
  if (!flags.jetstream) throw new UsageError('--secure needs JetStream: leave --no-jetstream out');
  const folder = CredentialsFolder.open(flags.configDir, flags.cluster);
  enroll(folder, flags);
  const server = await start(flags, folder.writeAccounts(), flags.storeDir ?? resolve(folder.path, 'jetstream'));
  try {
    await makeStreams(flags, folder, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const url = urlOf(flags, server);
  say(`nats-server listens on ${url} and lets in only those with credentials from ${folder.path}; Ctrl-C ends it`);
  for (const line of hints(flags, folder, url)) say(line);
  return server;
}

/** Who is to be in a cluster when nobody was ever named. */
const usualNames = { masters: ['m1', 'm2', 'm3'], agents: ['a1', 'a2'], frameworks: ['f1'] };

function enroll(folder: CredentialsFolder, flags: NatsFlags): void {
  const { masters = [], agents = [], frameworks = [] } = flags;
  folder.add('master', masters);
  folder.add('agent', agents);
  folder.add('framework', frameworks);
  folder.revoke(flags.revoke ?? []);
  if (folder.members.length === 0 && flags.revoke === undefined) enroll(folder, { ...flags, ...usualNames });
}

function start(flags: NatsFlags, accounts: string, storeDir: string | undefined): Promise<NatsServer> {
  return startNatsServer({
    ...(flags.port === 0 ? {} : { port: flags.port }),
    host: flags.host,
    jetstream: flags.jetstream,
    ...(storeDir === undefined ? {} : { storeDir }),
    config: `${tlsConfiguration(flags)}${accounts}`,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
}

function tlsConfiguration(flags: NatsFlags): string {
  const cert = readable('--tls-cert', flags.tlsCert);
  const key = readable('--tls-key', flags.tlsKey);
  const clientCa = readable('--tls-client-ca', flags.tlsClientCa);
  if (cert === undefined && key === undefined && clientCa === undefined) return '';
  if (cert === undefined || key === undefined)
    throw new UsageError('--tls-cert and --tls-key: a server that speaks TLS needs both');
  const files = { cert_file: resolve(cert), key_file: resolve(key) };
  const verify = clientCa === undefined ? {} : { ca_file: resolve(clientCa), verify: true };
  return `tls: ${JSON.stringify({ ...files, ...verify })}\n`;
}

/** The Nodes may use streams but not make them: an admin does, before anybody comes. */
async function makeStreams(flags: NatsFlags, folder: CredentialsFolder, server: NatsServer): Promise<void> {
  const { connection } = readCredentials(folder.adminFile);
  const tls = adminTls(flags);
  const options = {
    servers: [server.url],
    cluster: flags.cluster,
    create: true,
    clock: new SystemClock(),
    random: Random.system(),
    nats: { ...connection, inboxPrefix: '_I.admin', ...(tls === undefined ? {} : { tls }) },
  };
  const register = await natsRegister(options)({ changed: () => {}, reconnected: () => {}, failed: () => {} });
  await register.close();
  const registry = await JetStreamStorage.open(options);
  await registry.close();
}

/**
 * The server at the other end is the one that we started a moment ago, and may be certified under any other name than the
 * address at which we reach it; an nkey gives nothing away in any case.
 */
function adminTls({ tlsCert, tlsKey }: NatsFlags): TlsOptions | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const options = { certFile: tlsCert, keyFile: tlsKey, rejectUnauthorized: false };
  return options;
}

function urlOf({ tlsCert }: NatsFlags, { url }: NatsServer): string {
  return tlsCert === undefined ? url : url.replace('nats://', 'tls://');
}

/** What to type next. The files are named, never shown. */
function hints(flags: NatsFlags, folder: CredentialsFolder, url: string): string[] {
  const common = `--nats ${url}${flags.cluster === 'mesos' ? '' : ` --cluster ${flags.cluster}`}`;
  const trust = flags.tlsCert === undefined ? '' : ' --tls-ca FILE';
  const command = ({ role, name }: ClusterMember): string =>
    `  npx mesos ${role === 'framework' ? 'framework sum' : role} ${common}${trust} --credentials ${folder.fileOf(name)}`;
  return ['', 'Move each file of credentials to the machine of its Node, which alone is to have it, and there:', '']
    .concat(folder.members.map(command))
    .concat(['']);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
