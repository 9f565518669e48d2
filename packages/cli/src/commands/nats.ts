import type { Command } from 'commander';
import { flag, wholeNumber } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { startNatsServer } from '../nats-server.js';

interface NatsFlags {
  readonly port: number;
  readonly host: string;
  readonly storeDir?: string;
  readonly jetstream: boolean;
}

/** `mesos nats`: a nats-server that suits a cluster, in the foreground. */
export function addNatsCommand(program: Command): void {
  const command = program.command('nats').description('start a nats-server that suits a cluster, until Ctrl-C');
  flag(command, '--port <number>', 'the port for clients', { parse: wholeNumber(1, 65_535), fallback: 4222 });
  flag(command, '--host <address>', 'the address to listen on', { fallback: '127.0.0.1' });
  flag(
    command,
    '--store-dir <folder>',
    'where JetStream keeps its streams; without it, a temporary folder that ends with the server',
  );
  command.option('--no-jetstream', 'leave JetStream out: no election then, only standalone masters');
  command.addHelpText(
    'after',
    `
Uses the binary named by NATS_SERVER, else nats-server on the PATH, else Debian's package without installing it.

Examples:
  mesos nats                                  on port 4222 of this machine
  mesos nats --port 4333 --store-dir ./nats   elsewhere, and the streams outlive it`,
  );
  command.action((flags: NatsFlags) => run(flags));
}

async function run(flags: NatsFlags): Promise<void> {
  const end = askedToEnd();
  const server = await startNatsServer({
    port: flags.port,
    host: flags.host,
    jetstream: flags.jetstream,
    ...(flags.storeDir === undefined ? {} : { storeDir: flags.storeDir }),
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const streams = server.storeDir === undefined ? 'without JetStream' : `with JetStream in ${server.storeDir}`;
  process.stdout.write(`nats-server listens on ${server.url} ${streams}; Ctrl-C ends it\n`);
  const why = await Promise.race([end, server.exited]);
  await server.stop();
  if (typeof why !== 'string')
    throw new Error(`nats-server ended by itself:\n${server.logLines().slice(-5).join('\n')}`);
}
