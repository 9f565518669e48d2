import { message, Node, Process } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

// One declaration is the static type, the check of what arrives from the wire, and the documentation.
const Add = message('Add', { amount: Type.Integer() });
const Total = message('Total', { total: Type.Integer() });
const GetTotal = message('GetTotal', {}, { reply: Total });

class Counter extends Process {
  #total = 0;

  protected override initialize(): void {
    this.install(Add, (_from, { amount }) => {
      this.#total += amount;
    });
    this.install(GetTotal, () => this.reply(Total, { total: this.#total }));
  }
}

const node = await Node.start();
const counter = node.spawn(new Counter('counter'));
for (let amount = 1; amount <= 10; amount++) node.send(counter, Add, { amount });
const { total } = await node.ask(counter, GetTotal, {}, { deadlineMs: 1_000 });
console.log(`the total is ${total}`);
await node.stop();
