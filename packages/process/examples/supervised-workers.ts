import { message, Node, Process, type Upid } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

/*
 * A foreman and its workers. A task that nobody can do fails its worker, which begins anew under the same PID and goes on
 * with what waited for it; who asked for the impossible is told.
 */
const Divided = message('Divided', { quotient: Type.Number() });
const Divide = message('Divide', { dividend: Type.Number(), divisor: Type.Number() }, { reply: Divided });
const Workers = message('Workers', { pids: Type.Array(Type.Unsafe<Upid>(Type.String())) });
const GetWorkers = message('GetWorkers', {}, { reply: Workers });

class Worker extends Process {
  protected override initialize(): void {
    this.install(Divide, (_from, { dividend, divisor }) => {
      if (divisor === 0) throw new RangeError(`${this.id} cannot divide by zero`);
      this.reply(Divided, { quotient: dividend / divisor });
    });
  }
}

class Foreman extends Process {
  protected override initialize(): void {
    const pids = ['worker(1)', 'worker(2)'].map((id) =>
      this.spawn(() => new Worker(id), { supervision: { delayMs: 10 } }),
    );
    this.install(GetWorkers, () => this.reply(Workers, { pids }));
  }
}

const node = await Node.start({ name: 'site' });
const foreman = node.spawn(new Foreman('foreman'));
const { pids } = await node.ask(foreman, GetWorkers, {}, { deadlineMs: 1_000 });
const [worker] = pids;
if (worker === undefined) throw new Error('a foreman without workers');
const impossible = node.ask(worker, Divide, { dividend: 1, divisor: 0 }, { deadlineMs: 1_000 });
const possible = node.ask(worker, Divide, { dividend: 6, divisor: 4 }, { deadlineMs: 1_000 });
console.log(await impossible.catch((error: Error & { code?: string }) => `1 / 0: ${error.code}`));
console.log(`6 / 4: ${(await possible).quotient}, by the same worker`);
console.log(node.tree());
await node.stop();
