import { Agent } from '@mesos-ts/agent';
import { type Books, Master, type Registrar, type RunningMaster, runMaster, StoredRegistrar } from '@mesos-ts/master';
import type { BodyOf, Node, Process } from '@mesos-ts/process';
import type { Booted, Machine, Simulation, Storage } from '@mesos-ts/process/testing';
import {
  formatResources,
  isRevocable,
  isTerminal,
  parseResources,
  ResourceOffer,
  RunTask,
  StatusUpdate,
  StatusUpdateAcknowledgement,
} from '@mesos-ts/protocol';
import { type Contender, type Detector, LeaseContender, LeaseDetector, type LeaseOptions } from '@mesos-ts/zk-election';
import { EpochLedger } from './epoch-ledger.js';
import { FenceLedger } from './fence-ledger.js';
import { LeaderLedger } from './leader-ledger.js';
import { LocalSockets } from './local-sockets.js';
import { observeProcesses, type ProcessObserver } from './observed-node.js';
import { noDoubles, type TestDoubles } from './planted-bugs.js';
import { PromiseLedger } from './promise-ledger.js';
import { RegisterServer } from './register-server.js';
import { RegistryLedger } from './registry-ledger.js';
import { RegistryServer } from './registry-server.js';
import { RemoteRegister } from './remote-register.js';
import { remoteRegistryStorage } from './remote-registry-storage.js';
import { SimulatedEstimator } from './simulated-estimator.js';
import { SimulatedFramework, tasksOnDisk } from './simulated-framework.js';
import { namedSandboxes, SimulatedLauncher } from './simulated-launcher.js';
import { TaskLedger } from './task-ledger.js';

export const masterCount = 3;
export const agentCount = 20;
export const frameworkCount = 3;

/** Longer than by default, since every renewal is told to every machine. */
const lease: LeaseOptions = { leaseMs: 6_000, renewMs: 2_500 };
const patience = { agentPingTimeoutMs: 15_000, maxAgentPingTimeouts: 3, agentReregisterTimeoutMs: 60_000 };
/** Of all Nodes: looking eight times a second, as by default, would be most of what happens. */
const nodeOptions = { probeMs: 8_000, silentMs: 20_000 };
const agentNodeOptions = { probeMs: 8_000, silentMs: Number.POSITIVE_INFINITY };
const agentResources = parseResources('cpus:4;mem:1024');
const restartMs = 2_000;
const storeName = 'store';
const generationKey = 'generation';
/**
 * How much earlier than its failover timeout a framework may be removed that was seen as connected until then, in ms: it may
 * have believed that it was, and the wall clocks of two masters differ by the steps of a storm.
 */
const removalSlackMs = 90_000;
const failoverTimeoutMs = 150_000;
const noteEveryMs = 1_000;

/** A whole cluster on simulated machines, with everything that is checked while it runs. */
export class ClusterWorld {
  readonly simulation: Simulation;
  readonly store: Machine;
  readonly masters: Machine[] = [];
  readonly agents: Machine[] = [];
  readonly frameworks: Machine[] = [];
  readonly epochs = new EpochLedger();
  readonly leaders = new LeaderLedger();
  readonly fences = new FenceLedger();
  readonly registry = new RegistryLedger();
  readonly promises = new PromiseLedger();
  readonly tasks = new TaskLedger();
  /** No new tasks are wanted. */
  calm = false;
  /** How many tasks were started on what agents lend. */
  borrowed = 0;
  readonly #doubles: TestDoubles;
  /** The one that stands by or leads on each machine. */
  readonly #masterOn = new Map<Machine, Master>();
  readonly #running = new Map<Machine, RunningMaster>();
  readonly #frameworkOn = new Map<Machine, { readonly framework: SimulatedFramework; readonly storage: Storage }>();
  readonly #agentLives = new Map<Machine, string>();
  readonly #estimators = new Map<Machine, SimulatedEstimator>();
  readonly #lastConnected = new Map<string, number>();

  constructor(simulation: Simulation, doubles: TestDoubles = noDoubles) {
    this.simulation = simulation;
    this.#doubles = doubles;
    this.store = this.#machine(storeName, ({ node, storage }) => {
      node.spawn(new RegisterServer(storage));
      const fences = this.#doubles.registryFences !== false;
      node.spawn(new RegistryServer(storage, this.fences, (check) => this.#observe(check), fences));
    });
    for (let i = 1; i <= masterCount; i++) this.masters.push(this.#addMaster(`m${i}`));
    for (let i = 1; i <= agentCount; i++) this.agents.push(this.#addAgent(`a${i}`));
    for (let i = 1; i <= frameworkCount; i++) this.frameworks.push(this.#addFramework(`f${i}`, i === frameworkCount));
    simulation.invariant(() => this.leaders.check());
    this.#noteConnected();
  }

  /** The master that leads, as far as that is certain. */
  get leader(): Master | undefined {
    const [machine] = this.leaders.leading;
    return machine === undefined ? undefined : this.#masterOn.get(machine);
  }

  /** Why the cluster is not at rest, in words; undefined when it is. */
  get unrest(): string | undefined {
    const down = this.simulation.machines.find((machine) => !machine.up);
    if (down !== undefined) return `${down.name} is down`;
    const { leader } = this;
    if (leader === undefined) return 'nobody leads';
    return this.#agentUnrest(leader) ?? this.#frameworkUnrest(leader);
  }

  /** From now on it is looked for agents of which all is in use or on offer. */
  lookForIdle(): void {
    const books = this.leader?.books;
    this.promises.lookForIdle();
    // What is on offer already may stay so.
    for (const { id } of books?.agents ?? []) this.promises.check(books as Books, id);
  }

  /** An agent of which a part was neither in use nor on offer since {@link lookForIdle}: it is lost to the books. */
  get idleAgent(): string | undefined {
    const { leader } = this;
    if (leader === undefined) return 'nobody leads';
    for (const { id, info } of leader.books.agents) if (this.promises.isIdle(id)) return `${id} on ${info.hostname}`;
    return undefined;
  }

  #agentUnrest({ books }: Master): string | undefined {
    for (const machine of this.agents) {
      const { name, node } = machine;
      const agent = books.agents.byPid(node.pidOf('slave(1)'));
      if (agent?.connected !== true) return `${name} is not registered`;
      const [lends, known] = [this.#estimators.get(machine)?.last ?? [], agent.oversubscribed].map(formatResources);
      if (lends !== known) return `${name} lends '${lends}', and the leader holds that to be '${known}'`;
      const [task] = agent.tasks;
      if (task !== undefined) return `the leader has the task ${task.task.taskId} on ${name}`;
    }
    return undefined;
  }

  #frameworkUnrest({ books }: Master): string | undefined {
    for (const machine of this.frameworks) {
      const { framework, storage } = this.#frameworkOn.get(machine) ?? {};
      if (framework === undefined || storage === undefined || !framework.connected)
        return `${machine.name} is not registered`;
      const open = this.tasks.open(framework.name, tasksOnDisk(storage));
      if (open !== undefined) return open;
      for (const { id } of framework.held.values())
        if (books.offers.get(id) === undefined) return `${machine.name} holds the offer ${id}, which is void`;
    }
    return undefined;
  }

  /** Has a master resign and end, as SIGTERM does, and starts it again. */
  stopMaster(machine: Machine, forMs: number): void {
    if (!machine.up) return;
    this.simulation.note(`${machine.name} is stopped`);
    void this.#running
      .get(machine)
      ?.stop()
      .then(() => machine.restart({ afterMs: forMs }));
  }

  // Machines

  #machine(name: string, boot: (booted: Booted) => void, options: object = {}): Machine {
    const clockRate = 0.97 + 0.06 * this.simulation.random.fraction();
    return this.simulation.machine(name, boot, { clockRate, node: nodeOptions, ...options });
  }

  #addMaster(name: string): Machine {
    const machine: Machine = this.#machine(name, ({ node }) => {
      observeProcesses(node, (process) => this.#masterObserver(machine, process));
      const { offerTimeoutMs } = this.#doubles;
      const running = runMaster(node, {
        ...patience,
        ...(offerTimeoutMs === undefined ? {} : { offerTimeoutMs }),
        contender: this.#contender(machine, node),
        registrar: () => this.#registrar(node),
        hostname: name,
      });
      this.#running.set(machine, running);
      running.ended.catch((error) => this.#observe(() => raise(error)));
    });
    return machine;
  }

  #addAgent(name: string): Machine {
    let sockets = new LocalSockets();
    const localTransports = () => {
      sockets = new LocalSockets();
      return [sockets.server()];
    };
    const machine: Machine = this.#machine(name, ({ node }) => this.#bootAgent(machine, node, sockets), {
      localTransports,
      node: agentNodeOptions,
    });
    return machine;
  }

  #bootAgent(machine: Machine, node: Node, sockets: LocalSockets): void {
    const life = `${machine.name}#${node.incarnation}`;
    this.#agentEnded(machine);
    this.#agentLives.set(machine, life);
    this.promises.agentBegan(life, agentResources);
    observeProcesses(node, (process) => (process instanceof Agent ? this.#agentObserver(process, life) : undefined));
    const launcher = new SimulatedLauncher(node, sockets, {
      started: ({ taskId, resources }) =>
        this.#observe(() => {
          this.simulation.note(`${life} starts ${taskId}`);
          this.tasks.started(taskId);
          if (resources.some(isRevocable)) this.borrowed++;
          this.promises.started(life, taskId, resources);
        }),
      ended: (taskId) => this.promises.ended(life, taskId),
    });
    const estimator = new SimulatedEstimator(node.clock, Number(machine.name.slice(1)), () => this.calm);
    this.#estimators.set(machine, estimator);
    const agent = new Agent({
      hostname: machine.name,
      resources: agentResources,
      estimator,
      detector: this.#detector(node),
      launcher,
      sandboxes: namedSandboxes,
      socketPath: '/simulated',
      environment: {},
      executorToken: () => node.random.token(20),
      statusUpdateRetryMsMax: 20_000,
    });
    const pid = node.spawn(agent);
    // As whatever supervises it would; what it ran has ended by then.
    void node.wait(pid).then(() => {
      this.simulation.note(`${machine.name}'s agent ended: ${agent.end?.why ?? 'no reason'}`);
      machine.restart({ afterMs: restartMs });
    });
  }

  /** Its machine may have crashed long ago; that nothing of it lives is known now. */
  #agentEnded(machine: Machine): void {
    const life = this.#agentLives.get(machine);
    if (life === undefined) return;
    this.tasks.agentEnded(life);
    this.promises.agentEnded(life);
  }

  #addFramework(name: string, hoards: boolean): Machine {
    const machine: Machine = this.#machine(name, ({ node, storage }) => {
      const generation = (storage.get(generationKey) ?? 1) as number;
      const fullName = `${name}.${generation}`;
      observeProcesses(node, (process) => this.#schedulerObserver(process, machine));
      const framework = new SimulatedFramework(fullName, {
        node,
        storage,
        detector: this.#detector(node),
        ledger: this.tasks,
        hoards,
        failoverTimeoutMs,
        calm: () => this.calm,
        acknowledgesFirst: this.#doubles.acknowledgesFirst === true,
        observe: (check) => this.#observe(check),
        refused: (message) => this.#frameworkRefused(machine, storage, fullName, message),
      });
      this.#frameworkOn.set(machine, { framework, storage });
    });
    return machine;
  }

  #noteConnected(): void {
    for (const [machine, { framework }] of this.#frameworkOn)
      if (machine.up && framework.connected) this.#lastConnected.set(framework.name, this.simulation.now);
    this.simulation.after(noteEveryMs, () => this.#noteConnected());
  }

  /** One that was away for its failover timeout begins anew; for any other it is a violation. */
  #frameworkRefused(machine: Machine, storage: Storage, name: string, message: string): void {
    const awayMs = this.simulation.now - (this.#lastConnected.get(name) ?? 0);
    this.#observe(() => {
      if (!/removed/.test(message) || awayMs < failoverTimeoutMs - removalSlackMs)
        throw new Error(`frameworks: ${name} was refused after ${awayMs.toFixed(0)} ms: ${message}`);
    });
    this.tasks.frameworkRemoved(name);
    const generation = (storage.get(generationKey) ?? 1) as number;
    for (const key of storage.keys()) storage.delete(key);
    storage.put(generationKey, generation + 1);
    machine.restart({ afterMs: restartMs });
  }

  // Elections

  #contender(machine: Machine, node: Node): Contender {
    const { random, log } = node;
    const { open } = new RemoteRegister(node, storeName);
    const clock = this.#doubles.electionClock?.(node.clock) ?? node.clock;
    const contender = new LeaseContender({ clock, random, log, open, lease });
    const contend = contender.contend.bind(contender);
    contender.contend = async (info) => {
      const leadership = await contend(info);
      this.#observe(() => this.leaders.began(machine, leadership));
      return leadership;
    };
    return contender;
  }

  #registrar(node: Node): Registrar {
    const { clock, log, counters } = node;
    const registrar = new StoredRegistrar({ clock, log, counters, storage: remoteRegistryStorage(node, storeName) });
    const recover = registrar.recover.bind(registrar);
    registrar.recover = async (leader) => {
      const registry = await recover(leader);
      this.#observe(() => {
        this.fences.recovered(leader.epoch);
        this.registry.recovered(leader.epoch, registry);
      });
      return registry;
    };
    const apply = registrar.apply.bind(registrar);
    registrar.apply = (operation) => {
      const stored = this.registry.tried(operation);
      const applied = apply(operation);
      applied.then(stored, () => undefined);
      return applied;
    };
    return registrar;
  }

  #detector(node: Node): Detector {
    const { open } = new RemoteRegister(node, storeName);
    return new LeaseDetector({ clock: node.clock, log: node.log, open, lease });
  }

  // Looking on

  #observe(check: () => void): void {
    this.simulation.observe(check);
  }

  #masterObserver(machine: Machine, process: Process): ProcessObserver | undefined {
    if (!(process instanceof Master)) return undefined;
    const { books } = process;
    this.#masterOn.set(machine, process);
    this.#doubles.books?.(books);
    return {
      sent: (name, _to, body) => {
        if (name === ResourceOffer.name)
          this.#observe(() => this.promises.offered(books, (body as BodyOf<typeof ResourceOffer>).offers));
        if (name === RunTask.name)
          this.#observe(() => this.promises.check(books, (body as BodyOf<typeof RunTask>).task.slaveId));
      },
    };
  }

  #agentObserver(process: Agent, life: string): ProcessObserver {
    const { tasks } = this;
    const accepted = (name: string, body: unknown): void => {
      this.epochs.accepted(process, life, name, body);
      if (name === RunTask.name) tasks.arrived((body as BodyOf<typeof RunTask>).task.taskId, life);
      if (name !== StatusUpdateAcknowledgement.name) return;
      const { taskId, uuid } = body as BodyOf<typeof StatusUpdateAcknowledgement>;
      tasks.acknowledged(taskId, uuid);
    };
    const sent = (name: string, body: unknown): void => {
      if (name !== StatusUpdate.name) return;
      const { taskId, uuid, state } = (body as BodyOf<typeof StatusUpdate>).status;
      if (uuid !== undefined && isTerminal(state)) tasks.ended(taskId, uuid, state);
    };
    return {
      accepted: (name, _from, body) => this.#observe(() => accepted(name, body)),
      sent: (name, _to, body) => this.#observe(() => sent(name, body)),
    };
  }

  #schedulerObserver(process: Process, machine: Machine): ProcessObserver {
    return {
      accepted: (name, _from, body) =>
        this.#observe(() => this.epochs.accepted(process, `${machine.name}'s ${process.id}`, name, body)),
    };
  }
}

function raise(error: unknown): never {
  throw error;
}
