import type { AnyMessageType } from './message.js';
import type { Upid } from './upid.js';

/** What a process does with a type of message; and, below it, the handlers that were installed before. */
export class Installed {
  constructor(
    readonly type: AnyMessageType,
    readonly handle: (from: Upid, body: never) => void | Promise<void>,
    readonly below: Installed | undefined,
    /** How many there are, with those below. */
    readonly count: number,
  ) {}
}

/**
 * The handlers of one process by the names of their messages: a list where there are few, since going through it is as fast
 * as a map and takes a fraction of its memory; else a map.
 */
export type HandlerTable = Installed | Map<string, Installed> | undefined;

/** The longest list. */
const listedMax = 8;

/** The table with one more handler, which replaces an earlier one of the name. */
export function withHandler(table: HandlerTable, type: AnyMessageType, handle: Installed['handle']): HandlerTable {
  if (table instanceof Map) return table.set(type.name, new Installed(type, handle, undefined, 1));
  const installed = new Installed(type, handle, table, (table?.count ?? 0) + 1);
  return installed.count > listedMax ? indexed(installed) : installed;
}

export function findHandler(table: HandlerTable, name: string): Installed | undefined {
  if (table instanceof Map) return table.get(name);
  for (let installed = table; installed !== undefined; installed = installed.below)
    if (installed.type.name === name) return installed;
  return undefined;
}

function indexed(list: Installed): Map<string, Installed> {
  const byName = new Map<string, Installed>();
  for (let installed: Installed | undefined = list; installed !== undefined; installed = installed.below)
    if (!byName.has(installed.type.name)) byName.set(installed.type.name, installed);
  return byName;
}
