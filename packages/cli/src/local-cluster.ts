import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterProcess } from './cluster-process.js';
import { FolderJanitor } from './folder-janitor.js';
import { openAccounts } from './nats-accounts.js';
import { type NatsServer, type NatsServerOptions, startNatsServer } from './nats-server.js';

export interface LocalClusterOptions {
  readonly masters: number;
  readonly agents: number;
  /** What each agent says that it has. */
  readonly agentResources: string;
  readonly cluster: string;
  /** An existing NATS server; default: one of our own on a free port. */
  readonly natsUrl?: string | undefined;
  /** Where ours tells of connections (default), or is as plain as `nats-server -js`. */
  readonly natsAccounts?: boolean;
  /** Added to every master's command line. */
  readonly masterFlags?: readonly string[];
  /** Added to every agent's. */
  readonly agentFlags?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

/** What `mesos start` starts, the cluster's name apart. */
export const startConfiguration = {
  masters: 3,
  agents: 2,
  agentResources: 'cpus:2;mem:1024;disk:1024;ports:[31000-31999]',
  // A person who kills an agent wants to see what happens.
  masterFlags: ['--agent-ping-timeout', '1secs', '--max-agent-ping-timeouts', '5'],
};

/** Our own server lets everybody in; what the environment has is for another. */
const noCredentials = { MESOS_CREDENTIALS: '', MESOS_TLS_CA: '', MESOS_TLS_CERT: '', MESOS_TLS_KEY: '' };

/** Several masters share this machine, and nobody else need reach them. */
const ownAddress = ['--ip', '127.0.0.1', '--port', '0'];

/** A whole cluster on this machine, each master and agent an OS process of its own. It ends with this process. */
export class LocalCluster {
  readonly natsUrl: string;
  readonly folder: string;
  readonly #masters: ClusterProcess[];
  readonly #agents: ClusterProcess[];
  readonly #janitor: FolderJanitor;
  readonly #options: LocalClusterOptions;
  #nats: NatsServer | undefined;

  /** Starts everything without waiting for it to be ready: frameworks find their master whenever it leads. */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const { onProgress } = options;
    const folder = mkdtempSync(join(tmpdir(), 'mesos-cluster-'));
    const janitor = new FolderJanitor(folder);
    if (options.natsUrl !== undefined) return new LocalCluster(options, folder, janitor, undefined, options.natsUrl);
    try {
      const progress = onProgress === undefined ? {} : { onProgress };
      const nats = await startNatsServer({ ...natsOptions(options, folder), ...progress });
      return new LocalCluster(options, folder, janitor, nats, nats.url);
    } catch (error) {
      await janitor.remove();
      throw error;
    }
  }

  private constructor(
    options: LocalClusterOptions,
    folder: string,
    janitor: FolderJanitor,
    nats: NatsServer | undefined,
    natsUrl: string,
  ) {
    this.#janitor = janitor;
    this.#options = options;
    this.#nats = nats;
    if (nats !== undefined) janitor.waitFor(nats.pid);
    this.natsUrl = natsUrl;
    this.folder = folder;
    this.#masters = names('m', options.masters).map((name) => this.#startMaster(name));
    this.#agents = names('a', options.agents).map((name) => this.#startAgent(name));
  }

  get masters(): readonly ClusterProcess[] {
    return this.#masters;
  }

  get agents(): readonly ClusterProcess[] {
    return this.#agents;
  }

  get processes(): readonly ClusterProcess[] {
    return [...this.masters, ...this.agents];
  }

  /** The NATS server's process id, where it is our own. */
  get natsPid(): number | undefined {
    return this.#nats?.pid;
  }

  /** Resolves when the NATS server has ended, where it is our own. */
  get natsEnded(): Promise<unknown> | undefined {
    return this.#nats?.exited;
  }

  /** Kills our own NATS server and starts it again on the same port with the same streams: what a crash of it does. */
  async restartNats(): Promise<void> {
    const nats = this.#nats;
    if (nats === undefined) throw new Error('the NATS server is not ours to restart');
    nats.kill('SIGKILL');
    await nats.exited;
    this.#nats = await startNatsServer({ ...natsOptions(this.#options, this.folder), port: nats.port });
    this.#janitor.waitFor(this.#nats.pid);
  }

  /** Starts a master that has ended anew, under its name. */
  restartMaster(name: string): ClusterProcess {
    const index = this.#masters.findIndex((master) => master.name === name);
    if (index < 0 || this.#masters[index]?.running) throw new Error(`no master ${name} has ended`);
    const master = this.#startMaster(name);
    this.#masters[index] = master;
    return master;
  }

  /** Ends agents, then masters, then the NATS server, and removes what they wrote. */
  async stop(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.stop()));
    await Promise.all(this.masters.map((master) => master.stop()));
    await this.#nats?.stop();
    await this.#janitor.remove();
  }

  #startMaster(name: string): ClusterProcess {
    return this.#spawn(name, ['master', '--name', name, ...ownAddress, ...(this.#options.masterFlags ?? [])]);
  }

  #startAgent(name: string): ClusterProcess {
    const { agentResources, agentFlags = [] } = this.#options;
    const workDir = join(this.folder, name);
    return this.#spawn(name, [
      'agent',
      ...['--name', name, '--resources', agentResources, '--work-dir', workDir],
      ...agentFlags,
    ]);
  }

  #spawn(name: string, args: readonly string[]): ClusterProcess {
    const { cluster } = this.#options;
    // The address travels in the environment: it may hold a password, and command lines are for all to see.
    const process = new ClusterProcess(name, [...args, '--cluster', cluster], join(this.folder, `${name}.log`), {
      NATS_URL: this.natsUrl,
      ...(this.#nats === undefined ? {} : noCredentials),
    });
    this.#janitor.waitFor(process.pid);
    return process;
  }
}

function natsOptions({ cluster, natsAccounts = true }: LocalClusterOptions, folder: string): NatsServerOptions {
  const config = natsAccounts ? { config: openAccounts(cluster, true) } : {};
  return { storeDir: join(folder, 'jetstream'), ...config };
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
