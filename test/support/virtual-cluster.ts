import { Agent } from '@mesos-ts/agent';
import { type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import { type RunningMaster, startMaster } from '@mesos-ts/master';
import { MemoryNetwork, Node, type NodeOptions, Random, VirtualClock } from '@mesos-ts/process';
import { MessageFilters } from '@mesos-ts/process/testing';
import { type FrameworkInfo, parseResources } from '@mesos-ts/protocol';
import {
  type Detector,
  type Leader,
  LeaseContender,
  LeaseDetector,
  MemoryRegister,
  StandaloneDetector,
} from '@mesos-ts/zk-election';
import type { Test } from 'tap';
import { noSandboxes, VirtualExecutors } from './virtual-executors.js';

/** A whole cluster, each process of it on a Node of its own, under one virtual clock and with an election in memory. */
export class VirtualCluster {
  readonly clock = new VirtualClock();
  readonly filters = new MessageFilters();
  readonly network = new MemoryNetwork({ filter: this.filters });
  #register = new MemoryRegister();
  readonly #sights: StandaloneDetector[] = [];
  readonly #nodes: Node[] = [];
  readonly #masters = new Set<RunningMaster>();
  readonly #executors: VirtualExecutors[] = [];
  #watching: LeaseDetector | undefined;
  #leader: Leader | undefined;

  static open(t: Test): VirtualCluster {
    const cluster = new VirtualCluster();
    t.teardown(() => cluster.stop());
    void cluster.#watch();
    return cluster;
  }

  /** @returns the epochs with which it led, as they come, besides the master. */
  async addMaster(name: string): Promise<{ readonly running: RunningMaster; readonly epochs: number[] }> {
    const epochs: number[] = [];
    const { clock } = this;
    const contender = new LeaseContender({ clock, random: new Random(name), open: this.#register.open });
    const running = await startMaster({
      node: this.#nodeOptions(name),
      contender,
      hostname: name,
      onLeading: ({ epoch }) => epochs.push(epoch),
    });
    this.#masters.add(running);
    await clock.settle();
    return { running, epochs };
  }

  /** As kill -9 would, but that its lease ends sooner where it led. */
  async endMaster(running: RunningMaster): Promise<void> {
    this.network.crash(running.node.name);
    this.#masters.delete(running);
    await running.stop();
  }

  async addAgent(name: string, resources = 'cpus:4;mem:1024') {
    const executors = new VirtualExecutors(this.clock);
    this.#executors.push(executors);
    const options = this.#nodeOptions(name);
    const node = await this.#addNode({
      ...options,
      transports: [executors.transport(), ...(options.transports ?? [])],
    });
    const agent = new Agent({
      hostname: name,
      resources: parseResources(resources),
      detector: this.detector(),
      launcher: executors,
      sandboxes: noSandboxes,
      socketPath: '/socket',
      environment: {},
    });
    node.spawn(agent);
    await this.clock.settle();
    return { node, agent, executors };
  }

  /** Not started yet. */
  async addDriver(name: string, scheduler: Scheduler, info: Partial<FrameworkInfo> = {}) {
    const node = await this.#addNode(this.#nodeOptions(name));
    const framework = { name, user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000, ...info };
    return { node, driver: new SchedulerDriver(scheduler, framework, { node, detector: this.detector() }) };
  }

  async addNode(name: string): Promise<Node> {
    return this.#addNode(this.#nodeOptions(name));
  }

  /** Sees who leads by the register of the moment. */
  detector(): Detector {
    const sight = new StandaloneDetector();
    sight.appoint(this.#leader);
    this.#sights.push(sight);
    return sight;
  }

  /** The register is lost, and made anew with nothing in it. All masters are to be ended before. */
  async loseRegister(): Promise<void> {
    this.#register = new MemoryRegister();
    await this.#watching?.close();
    void this.#watch();
  }

  /** Lets time pass until that is so. @throws {Error} when it is not within `ms`. */
  async until(what: () => boolean, ms: number): Promise<void> {
    for (let passed = 0; !what(); passed += 10) {
      if (passed > ms) throw new Error(`not so within ${ms} ms: ${what}`);
      await this.clock.advance(10);
    }
  }

  async stop(): Promise<void> {
    await this.#watching?.close();
    for (const master of this.#masters) await master.stop();
    for (const node of this.#nodes.splice(0)) await node.stop();
    for (const executors of this.#executors) await executors.stop();
    for (const sight of this.#sights) await sight.close();
  }

  async #watch(): Promise<void> {
    const detector = new LeaseDetector({ clock: this.clock, open: this.#register.open });
    this.#watching = detector;
    while (this.#watching === detector) {
      try {
        this.#leader = await detector.detect(this.#leader);
      } catch {
        return;
      }
      for (const sight of this.#sights) sight.appoint(this.#leader);
    }
  }

  async #addNode(options: NodeOptions): Promise<Node> {
    const node = await Node.start(options);
    this.#nodes.push(node);
    return node;
  }

  /** Probes are rare, so that time may pass quickly: tests break connections by themselves. */
  #nodeOptions(name: string): NodeOptions {
    const { clock } = this;
    const random = new Random(`${name} ${this.#nodes.length} ${this.#masters.size}`);
    return { name, clock, random, transports: [this.network.transport()], probeMs: 1e9, silentMs: 1e10 };
  }
}
