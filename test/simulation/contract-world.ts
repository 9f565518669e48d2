import { type ExitReason, message, type Node, Process, type ProcessError, type Upid, upid } from '@mesos-ts/process';
import { RandomFaults, type Simulation } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';
import { ContractLedger } from './contract-ledger.js';

const Say = message('Say', { n: Type.Integer(), ballast: Type.Optional(Type.Uint8Array()) });
const Ask = message('Ask', { n: Type.Integer() }, { reply: message('Answer', { n: Type.Integer() }) });

const machineCount = 4;
const membersPerMachine = 3;
/** Among how many of the last processes one is picked to talk to. */
const acquaintances = 16;
const stormMs = 6_000;
const silentMs = 1_500;
/** More than a frame of the simulated network takes. */
const largeBytes = 1_300_000;
const largeBody = new Uint8Array(largeBytes);

/** What the processes of one history share. */
interface Stage {
  readonly simulation: Simulation;
  readonly ledger: ContractLedger;
  readonly known: { readonly id: string; readonly node: string; readonly pid: Upid }[];
  /** Nobody begins anything any more. */
  quiet: boolean;
}

/** Does anything at random that a process can do. */
export class Member extends Process {
  constructor(
    id: string,
    private readonly stage: Stage,
  ) {
    super(id);
  }

  protected override initialize(): void {
    const { ledger } = this.stage;
    ledger.began(this);
    this.install(Say, (from, { n }) => this.#observed(() => ledger.heard(this, from, n)));
    this.install(Ask, (_from, { n }) => this.#answer(n));
    this.#tick();
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    const { simulation, ledger, quiet } = this.stage;
    this.#observed(() => ledger.exited(this, pid, reason));
    if (quiet) return;
    if (simulation.random.integer(3) > 0) this.#link(pid);
    if (simulation.random.integer(30) === 0) throw new Error('exited throws');
  }

  protected override finalize(): void {
    this.stage.ledger.finalized(this);
  }

  #tick(): void {
    const { simulation, quiet } = this.stage;
    if (quiet) return;
    this.delay(1 + simulation.random.integer(120), () => this.#tick());
    this.#act(simulation.random.integer(100));
  }

  #act(chance: number): void {
    if (chance < 25) this.#link(this.#somebody());
    else if (chance < 65) this.#talk(this.#somebody());
    else if (chance < 85) this.#ask(this.#somebody());
    else if (chance < 87) this.#say(this.#somebody(), largeBody);
    else if (chance < 91) spawnMember(this.stage, this.node);
    else if (chance < 93) this.#bear();
    else if (chance < 95) this.terminate();
    else if (chance < 97) this.node.terminate(this.#somebody(), chance === 95);
    else if (chance < 99) throw new Error('a tick throws');
  }

  /** A child, whose failure may be that of this process too. */
  #bear(): void {
    const { simulation, known } = this.stage;
    const child = new Member(`p${known.length}`, this.stage);
    const pid = this.spawn(child, { supervision: simulation.random.integer(2) === 0 ? 'escalate' : 'stop' });
    known.push({ id: child.id, node: this.node.name, pid });
  }

  #link(pid: Upid): void {
    this.stage.ledger.linked(this, pid);
    this.link(pid);
  }

  #talk(to: Upid): void {
    for (let n = this.stage.simulation.random.integer(4); n >= 0; n--) this.#say(to);
  }

  #say(to: Upid, ballast?: Uint8Array): void {
    const n = this.stage.ledger.saying(this, to);
    this.send(to, Say, ballast === undefined ? { n } : { n, ballast });
  }

  #ask(to: Upid): void {
    const { simulation, ledger } = this.stage;
    const [n, deadlineMs] = [simulation.random.integer(1_000), simulation.random.integer(2_000)];
    const settled = ledger.asked(this, to);
    const signal = simulation.random.integer(10) === 0 ? AbortSignal.abort() : undefined;
    this.ask(to, Ask, { n }, signal === undefined ? { deadlineMs } : { deadlineMs, signal }).then(
      (answer) =>
        this.#observed(() => {
          if (answer.n !== n) throw new Error(`${this.id} asked ${to} ${n} and was answered ${answer.n}`);
          settled('answered');
        }),
      (error: ProcessError) => this.#observed(() => settled(error.code)),
    );
  }

  /** At once, late, never, twice, or not at all because it throws. */
  #answer(n: number): void | Promise<void> {
    const chance = this.stage.simulation.random.integer(20);
    const answer = (): void => this.reply(Ask.replyType, { n });
    if (chance === 0) return;
    if (chance === 1) throw new Error('a handler throws');
    if (chance === 2) answer();
    if (chance > 4) return answer();
    return new Promise((resolve) => {
      this.clock.timer(100 * chance, () => {
        answer();
        resolve();
      });
    });
  }

  #somebody(): Upid {
    const { simulation, known } = this.stage;
    const { id, node, pid } = known[
      known.length - 1 - simulation.random.integer(Math.min(known.length, acquaintances))
    ] as Stage['known'][number];
    return simulation.random.integer(3) === 0 ? upid(id, node) : pid;
  }

  #observed(check: () => void): void {
    this.stage.simulation.observe(check);
  }
}

function spawnMember(stage: Stage, node: Node): void {
  const id = `p${stage.known.length}`;
  const make = (): Member => new Member(id, stage);
  const restarted = stage.simulation.random.integer(3) === 0;
  const pid = node.spawn(make, restarted ? { supervision: { restartsMax: 2, delayMs: 20 } } : {});
  stage.known.push({ id, node: node.name, pid });
}

/** Everything that processes can do and that can happen to them, for a while; then quiet, and what must hold. */
export async function contractScenario(simulation: Simulation): Promise<ContractLedger> {
  const stage: Stage = { simulation, ledger: new ContractLedger(), known: [], quiet: false };
  const { ledger } = stage;
  for (let i = 0; i < machineCount; i++) {
    const name = `m${i}`;
    simulation.machine(
      name,
      ({ node, life }) => {
        if (life > 1) ledger.crashed(name);
        for (let k = 0; k < membersPerMachine; k++) spawnMember(stage, node);
      },
      { node: { silentMs }, clockRate: 0.99 + i / 100 },
    );
  }
  const faults = new RandomFaults(simulation, { everyMs: 400, lastMs: 2_500 });
  await simulation.advance(stormMs);
  faults.stop();
  await simulation.advance(2_500);
  stage.quiet = true;
  await simulation.advance(4 * silentMs);
  ledger.atRest();
  for (const { node } of simulation.machines) isIdle(node);
  // Those that live on hear of the end of those that do not.
  for (const { node } of simulation.machines.slice(1))
    for (const { id } of node.processes()) node.terminate(node.pidOf(id));
  await simulation.advance(2 * silentMs);
  ledger.atRest();
  return ledger;
}

function isIdle(node: Node): void {
  const { name, asksPending, mailboxDepth } = node.health();
  if (asksPending + mailboxDepth > 0)
    throw new Error(`${name} has ${asksPending} asks and ${mailboxDepth} events left`);
}
