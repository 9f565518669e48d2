import type { AnyMessageType, Handler, Node, Process, Upid } from '@mesos-ts/process';

/** What a process takes in and says. */
export interface ProcessObserver {
  /** Right before its handler runs: it was admitted, and checked. */
  accepted?(name: string, from: Upid, body: unknown): void;
  /** Right after it was handed to {@link Process.send}, which may still drop it. */
  sent?(name: string, to: Upid, body: unknown): void;
}

/** The parts of a process that only it itself may call. */
interface Inside {
  install(type: AnyMessageType, handler: Handler<AnyMessageType>): void;
  send(to: Upid, type: AnyMessageType, body: unknown): void;
}

/**
 * Has every process that is spawned on a Node from now on looked at by whom `observe` gives for it, if anybody: the
 * processes themselves are the real ones and know nothing of it.
 */
export function observeProcesses(node: Node, observe: (process: Process) => ProcessObserver | undefined): void {
  const spawn = node.spawn.bind(node);
  node.spawn = (what, ...rest) => {
    if (typeof what !== 'function') {
      const observer = observe(what);
      if (observer !== undefined) look(what as unknown as Inside, observer);
    }
    return spawn(what, ...rest);
  };
}

function look(process: Inside, observer: ProcessObserver): void {
  const install = process.install.bind(process);
  const send = process.send.bind(process);
  const { accepted, sent } = observer;
  if (accepted !== undefined)
    process.install = (type, handler) =>
      install(type, (from, body) => {
        accepted(type.name, from, body);
        return handler(from, body);
      });
  if (sent !== undefined)
    process.send = (to, type, body) => {
      send(to, type, body);
      sent(type.name, to, body);
    };
}
