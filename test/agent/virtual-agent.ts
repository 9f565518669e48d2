import { Agent, type AgentOptions } from '@mesos-ts/agent';
import { MemoryNetwork, Node, Random, type Transport, type Upid, VirtualClock } from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  type FrameworkId,
  type FrameworkInfo,
  parseResources,
  ReregisterSlave,
  RunTask,
  type SlaveId,
  type TaskId,
  type TaskState,
} from '@mesos-ts/protocol';
import { StandaloneDetector } from '@mesos-ts/zk-election';
import type { Test } from 'tap';
import { noSandboxes, VirtualExecutors } from '../support/virtual-executors.js';
import { ScriptedMaster } from './scripted-master.js';

/*
 * An agent under a virtual clock, among masters that a test plays. Its executors live in the same OS process and say of
 * every task that it runs; everything else they say when a test has them say it.
 */

export const frameworkId = 'M-0000' as FrameworkId;
export const slaveId = 'M-S0' as SlaveId;
export const framework: FrameworkInfo = {
  id: frameworkId,
  name: 'f',
  user: 'u',
  hostname: 'h',
  roles: ['*'],
  failoverTimeoutMs: 60_000,
};

export class VirtualAgent {
  readonly clock = new VirtualClock();
  /** Between agent and masters. */
  readonly network = new MemoryNetwork();
  readonly detector = new StandaloneDetector();
  readonly executors = new VirtualExecutors(this.clock);
  readonly #nodes: Node[] = [];
  node!: Node;
  agent!: Agent;
  /** The master that speaks in {@link say}, {@link run} and the like. */
  master!: ScriptedMaster;

  /** @param leads whether its first master leads from the start, and has registered the agent. */
  static async start(t: Test, options: Partial<AgentOptions> = {}, leads = true): Promise<VirtualAgent> {
    const stage = new VirtualAgent();
    t.teardown(() => stage.stop());
    stage.node = await stage.addNode('a1', [stage.executors.transport(), stage.network.transport()]);
    stage.agent = new Agent({
      hostname: 'agent-1',
      resources: parseResources('cpus:4;mem:1024'),
      detector: stage.detector,
      launcher: stage.executors,
      sandboxes: noSandboxes,
      socketPath: '/socket',
      environment: {},
      ...options,
    });
    stage.node.spawn(stage.agent);
    stage.master = await stage.addMaster('m1', 1);
    if (leads) await stage.appoint(stage.master);
    return stage;
  }

  get pid(): Upid {
    return this.agent.pid;
  }

  /** Of the agent's Node. */
  count(name: string): number {
    return this.node.counters.get(name);
  }

  async addMaster(node: string, epoch: number): Promise<ScriptedMaster> {
    const master = new ScriptedMaster('master');
    master.epoch = epoch;
    (await this.addNode(node)).spawn(master);
    await this.clock.settle();
    return master;
  }

  /** The detector names it with its epoch, or nobody. */
  async appoint(master: ScriptedMaster | undefined): Promise<void> {
    this.detector.appoint(master === undefined ? undefined : { pid: master.pid, epoch: master.epoch });
    if (master !== undefined) this.master = master;
    await this.clock.settle();
  }

  /** Another master leads, and has registered the agent; what it heard of that is forgotten. */
  async succeed(node: string, epoch: number, prepare: (master: ScriptedMaster) => void = () => undefined) {
    const master = await this.addMaster(node, epoch);
    prepare(master);
    await this.appoint(master);
    await this.clock.advance(100);
    return { master, report: (await master.next(ReregisterSlave)).body };
  }

  /** Says it as the present master, and lets the consequences run. */
  readonly say: ScriptedMaster['sayTo'] = async (to, type, body) => {
    await this.master.sayTo(to, type, body);
    await this.clock.settle();
  };

  /** @param launchExecutor whether the executor is to be started. Default: unless it runs. */
  async run(taskId: string, executorId = 'e1', launchExecutor?: boolean, role = '*'): Promise<void> {
    const executor: ExecutorInfo = {
      executorId: executorId as ExecutorId,
      name: executorId,
      command: { value: 'true', arguments: [] },
      resources: [],
    };
    const task = { taskId: taskId as TaskId, name: taskId, slaveId, resources: parseResources('cpus:1'), executor };
    const isNew = launchExecutor ?? !this.executors.ids.includes(executor.executorId);
    await this.say(this.pid, RunTask, { framework, task, role, launchExecutor: isNew });
  }

  /** The executor says so. */
  async tell(taskId: string, state: TaskState, executorId = 'e1'): Promise<void> {
    await this.executors.tell(executorId, taskId, state);
    await this.clock.settle();
  }

  async endExecutor(exitCode: number, executorId = 'e1'): Promise<void> {
    await this.executors.end(executorId, exitCode);
    await this.clock.settle();
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.splice(0)) await node.stop();
    await this.executors.stop();
    await this.detector.close();
  }

  async addNode(name: string, transports: Transport[] = [this.network.transport()]): Promise<Node> {
    const { clock } = this;
    const random = new Random(`${name} ${this.#nodes.length}`);
    const node = await Node.start({ name, clock, random, transports, probeMs: 1e9, silentMs: 1e10 });
    this.#nodes.push(node);
    return node;
  }
}
