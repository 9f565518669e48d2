import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutorLauncher, type ExecutorProcess, type RunningAgent, startAgent } from '@mesos-ts/agent';
import { NatsTransport, Random, SystemClock } from '@mesos-ts/process';
import { createDetector } from '@mesos-ts/zk-election';
import { serve } from '../operations.js';

/*
 * Many agents in one OS process, each with a Node and a connection of its own. Their executors are never started: a task
 * stays in TASK_STAGING.
 */
const never = new Promise<never>(() => undefined);
const standIn: ExecutorLauncher = {
  launch: async (): Promise<ExecutorProcess> => ({
    osPid: process.pid,
    exited: never,
    kill: () => undefined,
    destroy: async () => undefined,
  }),
};
const startedAtOnce = 25;
const hourMs = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'mesos-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const operations = {
  /** Starts agents that are named after `prefix`, with one detector for all of them. */
  async start(servers: string, cluster: string, prefix: string, count: number): Promise<void> {
    const detector = createDetector(`${servers}/${cluster}`, { clock: new SystemClock(), random: Random.system() });
    const one = (i: number): Promise<RunningAgent> =>
      startAgent({
        node: { name: `${prefix}-${i}`, transports: [new NatsTransport({ servers, cluster })] },
        detector,
        workDir: join(folder, String(i)),
        resources: 'cpus:4;mem:4096;disk:4096;ports:[31000-32000]',
        hostname: 'localhost',
        launcher: standIn,
        executorRegistrationTimeoutMs: hourMs,
      });
    for (let i = 0; i < count; i += startedAtOnce)
      await Promise.all(Array.from({ length: Math.min(startedAtOnce, count - i) }, (_, j) => one(i + j)));
  },
};
export type ManyAgentsOperations = typeof operations;
serve(operations);
