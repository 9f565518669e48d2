import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { frameworkInfo, type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import { NatsTransport, Node, Random, SystemClock } from '@mesos-ts/process';
import {
  containsResources,
  type ExecutorId,
  type FrameworkId,
  isTerminal,
  type Offer,
  parseResources,
  type Resources,
  type SlaveId,
  subtractResources,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';
import { createDetector } from '@mesos-ts/zk-election';
import { pino } from 'pino';
import { pieceOf, type SteadyEvent, type SteadyOptions } from '../../support/steady-framework.js';

/*
 * A framework as a program of its own that does pieces of work, `inFlight` at a time, each by a task, until SIGTERM says
 * that there are enough; it ends when all that it has begun is done. What happens to it, it tells in lines of JSON. What it
 * launches and what has ended is in a journal, written before it acts, so that a successor with the same framework id
 * knows what runs. A piece whose task ended otherwise than well, or that the master says it does not have, is launched
 * again under another id.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as SteadyOptions;
const recordingExecutor = fileURLToPath(new URL('./recording-executor.js', import.meta.url));
const executorResources = parseResources('cpus:0.1;mem:32');
const taskResources = parseResources('cpus:0.01;mem:1');
/** A task of which nothing was heard for so long is asked about, in ms. */
const askAfterMs = 2_000;

interface Attempt {
  readonly piece: number;
  readonly slaveId: SlaveId;
  heardAt: number;
}

type Entry =
  | { readonly launched: TaskId; readonly piece: number; readonly slaveId: SlaveId }
  | { readonly ended: TaskId; readonly piece: number; readonly well: boolean };

function tell(event: SteadyEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

class SteadyFramework implements Scheduler {
  readonly #journal = join(options.folder, `${options.name}.journal`);
  readonly #open = new Map<TaskId, Attempt>();
  /** Pieces whose tasks came to nothing. */
  readonly #again: number[] = [];
  /** The next piece that was never begun. */
  #next = 0;
  #done = 0;
  #launches = 0;
  #journalRead = false;
  #inFlightTold = 0;
  #enough = false;

  registered(driver: SchedulerDriver, frameworkId: FrameworkId): void {
    tell({ kind: 'registered', frameworkId });
    this.#readJournal();
    this.ask(driver, Number.POSITIVE_INFINITY);
  }

  reregistered(driver: SchedulerDriver): void {
    tell({ kind: 'reregistered' });
    this.#readJournal();
    this.ask(driver, Number.POSITIVE_INFINITY);
  }

  disconnected(): void {
    tell({ kind: 'disconnected' });
  }

  error(_driver: SchedulerDriver, message: string): void {
    tell({ kind: 'error', message });
  }

  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) {
      const tasks = this.#tasksFor(offer);
      for (const { taskId, slaveId } of tasks) {
        const piece = pieceOf(taskId);
        this.#write({ launched: taskId, piece, slaveId });
        this.#open.set(taskId, { piece, slaveId, heardAt: performance.now() });
      }
      driver.launchTasks([offer.id], tasks, { refuseSeconds: 0.1 });
    }
    this.#tellInFlight();
  }

  statusUpdate(driver: SchedulerDriver, { taskId, state, source, reason, message }: TaskStatus): void {
    const attempt = this.#open.get(taskId);
    if (attempt === undefined) return;
    attempt.heardAt = performance.now();
    const isOver = isTerminal(state) || state === 'TASK_UNKNOWN';
    if (!isOver) return;
    const { piece } = attempt;
    const well = state === 'TASK_FINISHED';
    this.#write({ ended: taskId, piece, well });
    this.#open.delete(taskId);
    if (well) this.#done++;
    else {
      this.#again.push(piece);
      tell({ kind: 'relaunch', taskId, why: `${state} ${source ?? ''} ${reason ?? ''} ${message ?? ''}` });
    }
    tell({ kind: 'ended', done: this.#done });
    this.#stopIfDone(driver);
  }

  /** Asks for the states of the tasks of which nothing was heard since `silentMs` ago. */
  ask(driver: SchedulerDriver, sinceMs: number): void {
    const statuses = [...this.#open]
      .filter(([, { heardAt }]) => heardAt < sinceMs)
      .map(([taskId, { slaveId }]) => ({ taskId, slaveId }));
    if (statuses.length > 0) driver.reconcileTasks(statuses);
  }

  /** What a predecessor left. Not before we are registered: until then it may launch more. */
  #readJournal(): void {
    if (this.#journalRead) return;
    this.#journalRead = true;
    const lines = existsSync(this.#journal) ? readFileSync(this.#journal, 'utf8').split('\n') : [];
    for (const line of lines) if (line !== '') this.#replay(JSON.parse(line) as Entry);
  }

  #replay(entry: Entry): void {
    const { piece } = entry;
    this.#next = Math.max(this.#next, piece + 1);
    if ('launched' in entry) {
      this.#open.set(entry.launched, { ...entry, heardAt: 0 });
      const index = this.#again.indexOf(piece);
      if (index >= 0) this.#again.splice(index, 1);
    } else {
      this.#open.delete(entry.ended);
      if (entry.well) this.#done++;
      else this.#again.push(piece);
    }
  }

  /** Begins nothing any more. */
  enough(driver: SchedulerDriver): void {
    this.#enough = true;
    this.#stopIfDone(driver);
  }

  #stopIfDone(driver: SchedulerDriver): void {
    if (this.#enough && this.#open.size === 0 && this.#again.length === 0) driver.stop();
  }

  get pieces(): number {
    return this.#next;
  }

  #tellInFlight(): void {
    if (this.#inFlightTold === this.#open.size) return;
    this.#inFlightTold = this.#open.size;
    tell({ kind: 'in-flight', tasks: this.#inFlightTold });
  }

  #tasksFor({ slaveId, resources }: Offer): TaskInfo[] {
    const tasks: TaskInfo[] = [];
    // The executor may hold its share already: to leave room for another one costs nothing.
    if (!containsResources(resources, executorResources)) return tasks;
    let left: Resources = subtractResources(resources, executorResources);
    const most = Math.ceil(options.inFlight / options.agents);
    while (
      tasks.length < most &&
      this.#open.size + tasks.length < options.inFlight &&
      containsResources(left, taskResources)
    ) {
      const piece = this.#again.shift() ?? (this.#enough ? undefined : this.#next++);
      if (piece === undefined) break;
      left = subtractResources(left, taskResources);
      tasks.push(this.#task(piece, slaveId));
    }
    return tasks;
  }

  #task(piece: number, slaveId: SlaveId): TaskInfo {
    const taskId = `${piece}.${process.pid}.${this.#launches++}` as TaskId;
    const executor = {
      executorId: `recorder-${options.name}` as ExecutorId,
      name: options.name,
      command: {
        value: process.execPath,
        arguments: [recordingExecutor, join(options.folder, `${options.name}.starts`)],
      },
      resources: executorResources,
    };
    const data = Buffer.from(String(options.taskMs));
    return { taskId, name: taskId, slaveId, resources: taskResources, executor, data };
  }

  #write(entry: Entry): void {
    appendFileSync(this.#journal, `${JSON.stringify(entry)}\n`);
  }
}

const log = pino(
  { level: 'info' },
  pino.destination({ dest: join(options.folder, `${options.name}.log`), sync: true }),
);
const servers = [options.natsUrl];
const transport = new NatsTransport({ servers, cluster: options.cluster, log });
const node = await Node.start({ transports: [transport], log });
const clock = new SystemClock();
const detector = createDetector(options.master, { clock, random: Random.system(), log });
const { frameworkId, failoverTimeoutMs } = options;
const framework = frameworkInfo(options.name, failoverTimeoutMs === undefined ? {} : { failoverTimeoutMs });
const info = frameworkId === undefined ? framework : { ...framework, id: frameworkId };
const scheduler = new SteadyFramework();
const driver = new SchedulerDriver(scheduler, info, { node, detector });
process.on('SIGTERM', () => scheduler.enough(driver));
const asking = setInterval(() => scheduler.ask(driver, performance.now() - askAfterMs), askAfterMs);
const status = await driver.run();
clearInterval(asking);
await detector.close();
await node.stop();
tell({ kind: 'over', status, pieces: scheduler.pieces });
