import type { Upid } from '@mesos-ts/process';

/** Whether `from` is the process that `named` names: any incarnation of it, where `named` leaves that open. */
export function answersFor(named: Upid, from: Upid): boolean {
  return from === named || (!named.includes('#') && from.startsWith(`${named}#`));
}
