import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from './durations.js';

/** A mistake of the person at the command line: the message says which, and the exit code is 2. */
export class UsageError extends Error {}

/**
 * Adds a flag that takes a value. Each is also read from the environment: `--work-dir` from `MESOS_WORK_DIR`; the command
 * line wins.
 */
export function flag<T>(
  command: Command,
  flags: string,
  description: string,
  options: {
    readonly parse?: (text: string) => T;
    readonly fallback?: T;
    readonly shown?: string;
    readonly env?: string;
  } = {},
): Command {
  const option = new Option(flags, description);
  if (options.parse !== undefined)
    option.argParser((text: string) => parsed(options.parse as (text: string) => T, text));
  if (options.fallback !== undefined) option.default(options.fallback, options.shown);
  option.env(
    options.env ??
      `MESOS_${option
        .attributeName()
        .replace(/[A-Z]/g, (letter) => `_${letter}`)
        .toUpperCase()}`,
  );
  return command.addOption(option);
}

export function durationFlag(command: Command, flags: string, description: string, fallback: string): Command {
  return flag(command, flags, description, {
    parse: parseDuration,
    fallback: parseDuration(fallback),
    shown: fallback,
  });
}

/** A reader of whole numbers within bounds, both included. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (!/^[\d_]+$/.test(text) || value < min || value > max)
      throw new TypeError(`${JSON.stringify(text)} is not a whole number from ${min} to ${max}`);
    return value;
  };
}

/** A reader of names separated by commas. */
export function nameList(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function parsed<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** What every command that joins a cluster takes. */
export interface ClusterFlags {
  readonly nats: string;
  readonly cluster: string;
  readonly logLevel: string;
  /** A file with what is to be shown to the NATS server. */
  readonly credentials?: string;
  /** Files: whose certificates the server may show, and a certificate of our own with its key. */
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** In ms; for elections over ZooKeeper. */
  readonly zkSessionTimeout?: number;
  /** Of masters, where the election is held over NATS; see LeaseOptions. */
  readonly electionLease?: number;
  readonly electionGrace?: number;
  readonly electionReplicas?: number;
}

/** Adds the way to the leader, for those who are led. */
export function masterFlag(command: Command): void {
  flag(
    command,
    '--master <address>',
    "nats (who leads by the election on the cluster's NATS), zk://host:port,.../path, or one master: master@m1, or host:port of its HTTP",
    { fallback: 'nats' },
  );
}

/** Adds what whoever makes the stream of the registry may be told. */
export function registryReplicasFlag(command: Command): void {
  flag(
    command,
    '--registry-replicas <number>',
    'how many servers of a NATS cluster keep a copy; counts when it is made',
    { parse: wholeNumber(1, 5), fallback: 1 },
  );
}

/** Adds what a candidate of an election over NATS may be told. */
export function electionFlags(command: Command): void {
  durationFlag(
    command,
    '--election-lease <duration>',
    'over NATS: how long a leader that says nothing keeps its leadership; the same for all masters',
    '3secs',
  );
  durationFlag(
    command,
    '--election-grace <duration>',
    'over NATS: how long the connection of a leader may be gone before another takes over',
    '200ms',
  );
  flag(
    command,
    '--election-replicas <number>',
    'over NATS: how many servers of a NATS cluster keep who leads; heeded by the first master ever',
    { parse: wholeNumber(1, 5), fallback: 1 },
  );
}

/** Adds {@link ClusterFlags}. */
export function clusterFlags(command: Command, logLevel: string): Command {
  flag(command, '--nats <url>', 'the NATS server, or several separated by commas', {
    env: 'NATS_URL',
    fallback: 'nats://127.0.0.1:4222',
  });
  flag(command, '--cluster <name>', 'the cluster to join: clusters of different names may share a server', {
    fallback: 'mesos',
  });
  flag(
    command,
    '--credentials <file>',
    'what to show the NATS server: written by `mesos nats --secure`, an nkey seed, a creds file, or JSON with user and password',
  );
  flag(command, '--tls-ca <file>', 'speak TLS, and only with a server whose certificate is of this authority');
  flag(command, '--tls-cert <file>', 'a certificate for the server to check');
  flag(command, '--tls-key <file>', 'and its key');
  durationFlag(
    command,
    '--zk-session-timeout <duration>',
    'where the election is held over ZooKeeper: how long it waits for who says nothing',
    '10secs',
  );
  return flag(command, '--log-level <level>', 'trace, debug, info, warn, error or silent', {
    fallback: logLevel,
    parse: parseLevel,
  });
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

function parseLevel(text: string): string {
  if (!levels.includes(text)) throw new TypeError(`${JSON.stringify(text)} is none of ${levels.join(', ')}`);
  return text;
}
