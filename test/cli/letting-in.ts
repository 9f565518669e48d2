import { type NatsServer, type NatsServerOptions, startNatsServer } from '@mesos-ts/cli';
import type t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';

type Environment = Readonly<Record<string, string>>;

/** A server that ends with the test. */
export async function startServer(test: Pick<typeof t, 'teardown'>, options: NatsServerOptions): Promise<NatsServer> {
  const server = await startNatsServer(options);
  test.teardown(() => server.stop());
  return server;
}

/** Resolves once a master that is started so leads: its Node was let in, and so was its candidacy unless it is standalone. */
export async function leads(environment: Environment, ...args: string[]): Promise<void> {
  const master = new MesosCommand(['master', ...args], environment);
  try {
    await master.line(/leading/);
  } finally {
    master.child.kill('SIGTERM');
    await master.outcome;
  }
}

/** What a command says that is not let in, or does not want to come in. */
export async function complaint(environment: Environment, ...args: string[]): Promise<string> {
  const { code, stderr, stdout } = await runMesos(['resolve', ...args], environment);
  if (code === 0) throw new Error(`it was let in: ${stdout}`);
  return stderr;
}
