/** What every error of the registry is. `code` never changes; the message is for people and may. */
export abstract class RegistryError extends Error {
  abstract readonly code: string;
}

/**
 * This leader can write no more: another one writes, or the fate of a write is unknown. What was acknowledged is stored, of
 * the rest each record may be or not. Only a leader that is elected anew can write again.
 */
export class RegistryLost extends RegistryError {
  override readonly name = 'RegistryLost';
  readonly code = 'REGISTRY_LOST';

  /** Of the leader that has it now, where that is known. */
  readonly laterEpoch: number | undefined;

  constructor(why: string, { laterEpoch, ...options }: ErrorOptions & { readonly laterEpoch?: number } = {}) {
    super(`the registry is lost to this leader: ${why}`, options);
    this.laterEpoch = laterEpoch;
  }
}

/** It cannot be read, or made. */
export class RegistryUnreadable extends RegistryError {
  override readonly name = 'RegistryUnreadable';
  readonly code = 'REGISTRY_UNREADABLE';

  constructor(why: string, options: ErrorOptions = {}) {
    super(`the registry cannot be read: ${why}`, options);
  }
}
