import { readFileSync } from 'node:fs';
import {
  type Fence,
  fenceKey,
  type JetStreamStorage,
  parseFence,
  parseRegistryDocument,
  type Registry,
  type RegistryContent,
  RegistryDocumentInvalid,
  type RegistryRecord,
  registryContent,
  registryDocument,
  replaceRegistry,
} from '@mesos-ts/master';
import { SystemClock } from '@mesos-ts/process';
import { formatResources, formatScalar, type Quota } from '@mesos-ts/protocol';
import type { Leader } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { detectorOf, registryStorageOf, thisHost } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag, registryReplicasFlag, UsageError } from '../flags.js';
import { createLogger } from '../logger.js';
import { formatQuantities } from '../quantities.js';
import { tableLines } from '../table.js';
import { describeLeader, leaderWithin } from './resolve.js';

interface ImportFlags extends ClusterFlags {
  readonly master: string;
  readonly timeout: number;
  readonly registryReplicas: number;
  readonly force?: boolean;
}

/** `mesos registry show|export|import`: what the leaders of a cluster remember, for operators. */
export function addRegistryCommand(program: Command): void {
  const registry = program
    .command('registry')
    .description('show, export or import what the leaders of a cluster remember');
  registry.addHelpText(
    'after',
    `
Examples:
  mesos registry show
  mesos registry export > registry.json
  mesos registry import registry.json              while no master leads
  mesos registry show --credentials m1.creds.json  in a secure cluster, with the credentials of a master`,
  );
  addShow(registry);
  addExport(registry);
  addImport(registry);
}

function addShow(registry: Command): void {
  const command = registry.command('show').description('print agents, frameworks, quotas and weights, for people');
  clusterFlags(command, 'warn');
  command.addHelpText('after', '\nExamples:\n  mesos registry show');
  command.action(async (flags: ClusterFlags) => {
    const { fence, ...content } = await contentOf(flags);
    process.stdout.write(`${described(flags.cluster, fence, content.registry).join('\n')}\n`);
    warnOf(content);
  });
}

function addExport(registry: Command): void {
  const command = registry.command('export').description('print all of it as JSON, for `mesos registry import`');
  clusterFlags(command, 'warn');
  command.addHelpText('after', '\nExamples:\n  mesos registry export > registry.json');
  command.action(async (flags: ClusterFlags) => {
    const content = await contentOf(flags);
    process.stdout.write(registryDocument(content.registry));
    warnOf(content);
  });
}

function addImport(registry: Command): void {
  const command = registry
    .command('import <file>')
    .description('make it hold what was exported, and nothing else; - reads standard input');
  clusterFlags(command, 'warn');
  flag(command, '--master <address>', 'where the election is held, to look for a leader, as for `mesos resolve`', {
    fallback: 'nats',
  });
  durationFlag(command, '--timeout <duration>', 'how long to look for a leader', '5secs');
  registryReplicasFlag(command);
  command.option('--force', 'do so even while a master leads: it can write no more, and steps down when it tries');
  command.addHelpText(
    'after',
    `
Interrupted, it may be done in part: run it again.

Examples:
  mesos registry import registry.json
  mesos registry export --nats nats://old:4222 | mesos registry import - --nats nats://new:4222`,
  );
  command.action((file: string, flags: ImportFlags) => runImport(file, flags));
}

async function runImport(file: string, flags: ImportFlags): Promise<void> {
  const records = recordsIn(file);
  if (flags.force !== true) await refuseBesideLeader(flags);
  const log = createLogger(flags.logLevel);
  const storage = await registryStorageOf(flags, log, { replicas: flags.registryReplicas });
  try {
    const by = `mesos registry import on ${thisHost()}`;
    const { written, forgotten } = await replaceRegistry({ clock: new SystemClock(), storage, by }, records);
    process.stdout.write(`${written} records were written, ${forgotten} others forgotten\n`);
  } finally {
    await storage.close();
  }
}

/** @throws {UsageError} for what cannot be read or is no such document. */
function recordsIn(file: string): RegistryRecord[] {
  try {
    return parseRegistryDocument(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    if (error instanceof RegistryDocumentInvalid) throw new UsageError(`${file} cannot be imported: ${error.message}`);
    throw new UsageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
  }
}

async function refuseBesideLeader(flags: ImportFlags): Promise<void> {
  const detector = detectorOf(flags, flags.master, createLogger(flags.logLevel));
  let leader: Leader | undefined;
  try {
    leader = await leaderWithin(detector, flags.timeout);
  } finally {
    await detector.close();
  }
  if (leader === undefined) return;
  throw new Error(
    `${describeLeader(leader)} leads the cluster ${flags.cluster}, and would go on with what it knows: stop all masters ` +
      'first, or add --force, with which it can write no more and steps down when it tries',
  );
}

async function contentOf(flags: ClusterFlags): Promise<RegistryContent & { readonly fence: Fence | undefined }> {
  const storage = await registryStorageOf(flags, createLogger(flags.logLevel), { create: false });
  try {
    return await readContent(storage);
  } finally {
    await storage.close();
  }
}

async function readContent(
  storage: JetStreamStorage,
): Promise<RegistryContent & { readonly fence: Fence | undefined }> {
  const { records } = await storage.read();
  const fence = parseFence(records.find(({ key }) => key === fenceKey));
  return { fence, ...registryContent(records.filter(({ key }) => key !== fenceKey)) };
}

/** On standard error: standard output is for what could be read. */
function warnOf({ unreadable }: RegistryContent): void {
  for (const { key, why } of unreadable) process.stderr.write(`mesos: the record ${key} cannot be read: ${why}\n`);
}

function described(cluster: string, fence: Fence | undefined, registry: Registry): string[] {
  const writer = fence === undefined ? 'nobody has written yet' : `epoch ${fence.epoch}, ${fence.by}`;
  const state = fence?.incomplete ? ['made anew, and not complete yet: whoever comes is let in'] : [];
  const agents = [...registry.agents.values()].map(({ id, info, admittedAt }) => [
    id,
    info.hostname,
    formatResources(info.resources),
    `admitted ${time(admittedAt)}`,
  ]);
  const since = (entries: Iterable<{ readonly id: string; readonly since: number }>): string[][] =>
    [...entries].map((entry) => [entry.id, `since ${time(entry.since)}`]);
  const frameworks = [...registry.frameworks.values()].map(({ id, info, disconnectedSince }) => [
    id,
    info.name,
    info.roles.join(','),
    disconnectedSince === undefined ? 'connected' : `disconnected since ${time(disconnectedSince)}`,
  ]);
  return [
    `registry of the cluster ${cluster}: ${writer}`,
    ...state,
    ...part('agents', agents),
    ...part('unreachable agents', since(registry.unreachable.values())),
    ...part('agents that are gone', since(registry.gone.values())),
    ...part('frameworks', frameworks),
    ...part('frameworks that are done', since(registry.removedFrameworks.values())),
    ...part('quotas', [...registry.quotas.values()].map(quotaRow)),
    ...part(
      'weights',
      [...registry.weights].map(([role, weight]) => [role, formatScalar(weight)]),
    ),
  ];
}

function quotaRow({ role, guarantees, limits }: Quota): string[] {
  return [role, `guarantees ${formatQuantities(guarantees)}`, `limits ${formatQuantities(limits)}`];
}

function part(title: string, rows: readonly (readonly string[])[]): string[] {
  return ['', `${title}: ${rows.length}`, ...tableLines(rows).map((line) => `  ${line}`)];
}

/** What others wrote may be no time at all. */
function time(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
