import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { addResources, owned, parseResources, type Resource, type Resources, unreservedRole } from '@mesos-ts/protocol';

/** The machine, as far as resources are concerned. */
export interface Machine {
  /** 0 where it cannot be told. */
  cpus(): number;
  /** In bytes; 0 where it cannot be told. */
  totalMemory(): number;
  /** The size in bytes of the file system that `path` is in. Rejects where it cannot be told. */
  diskSize(path: string): Promise<number>;
}

export interface DetectResourcesOptions {
  /** What the operator says, such as `cpus:4;ports:[9000-9100]`. Default: nothing, all is detected. */
  readonly text?: string;
  /** The folder whose file system is the disk. It must exist. */
  readonly workDir: string;
  /** Default: the one that this runs on. */
  readonly machine?: Machine;
}

const localMachine: Machine = {
  cpus: () => cpus().length,
  totalMemory: totalmem,
  diskSize: async (path) => {
    const { blocks, bsize } = await statfs(path);
    return blocks * bsize;
  },
};

const megabyte = 2 ** 20;
const gigabyteInMb = 1_024;
/** For the rest of the machine, where there is plenty. */
const memKeptMb = gigabyteInMb;
const diskKeptMb = 5 * gigabyteInMb;
/** For when the machine does not tell. */
const fallback = { cpus: 1, memMb: gigabyteInMb, diskMb: 10 * gigabyteInMb };

/**
 * What the agent has to offer (Mesos facts 5.1): what the text names, in any role, is taken as it says; of the rest,
 * cpus are all of the machine's; mem is all but 1 GB, or half where there are less than 2 GB; disk is the work folder's
 * file system but for 5 GB, or half where it has less than 10 GB; ports are 31000 to 32000. A name with nothing, such as
 * `disk:0`, keeps that resource from being detected. Sizes are in MB.
 *
 * @throws {ResourcesError} what is wrong with the text; INVALID where it names something revocable, which no agent has of its own.
 */
export async function detectResources(options: DetectResourcesOptions): Promise<Resources> {
  const text = options.text ?? '';
  const stated = owned(parseResources(text));
  const named = namesIn(text);
  const detected = await detect(options.machine ?? localMachine, options.workDir);
  return addResources(
    stated,
    detected.filter(({ name }) => !named.has(name)),
  );
}

async function detect(machine: Machine, workDir: string): Promise<Resources> {
  const memMb = Math.floor(machine.totalMemory() / megabyte);
  const diskMb = Math.floor((await machine.diskSize(workDir).catch(() => 0)) / megabyte);
  return [
    scalar('cpus', machine.cpus() || fallback.cpus),
    scalar('disk', share(diskMb, diskKeptMb) || fallback.diskMb),
    scalar('mem', share(memMb, memKeptMb) || fallback.memMb),
    { name: 'ports', role: unreservedRole, ranges: [[31_000, 32_000]] },
  ];
}

function share(totalMb: number, keptMb: number): number {
  return totalMb >= 2 * keptMb ? totalMb - keptMb : Math.floor(totalMb / 2);
}

function scalar(name: string, amount: number): Resource {
  return { name, role: unreservedRole, scalar: amount * 1_000 };
}

/** Also those with nothing, which {@link parseResources} leaves out; of a text that it has read. */
function namesIn(text: string): ReadonlySet<string> {
  return new Set(text.split(';').map((segment) => segment.split(/[:(]/, 1)[0]?.trim() ?? ''));
}
