/** What every call of a driver returns (Mesos facts 7.1). */
export type DriverStatus = 'DRIVER_NOT_STARTED' | 'DRIVER_RUNNING' | 'DRIVER_ABORTED' | 'DRIVER_STOPPED';

/** Where a driver stands, and who waits for its end. */
export class DriverState {
  #status: DriverStatus = 'DRIVER_NOT_STARTED';
  #failure: Error | undefined;
  /** Settles when what follows the end of running is done too. */
  #over: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  readonly #left = new Promise<void>((resolve) => {
    this.#wake = resolve;
  });

  get status(): DriverStatus {
    return this.#status;
  }

  get isRunning(): boolean {
    return this.#status === 'DRIVER_RUNNING';
  }

  /** Why the driver was aborted, where no callback was told. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** False when it was started before. */
  begin(): boolean {
    if (this.#status !== 'DRIVER_NOT_STARTED') return false;
    this.#status = 'DRIVER_RUNNING';
    return true;
  }

  /** @param over settles once nothing of the driver is left; must not reject. */
  leave(status: 'DRIVER_ABORTED' | 'DRIVER_STOPPED', over: Promise<void>, failure?: Error): void {
    this.#status = status;
    this.#failure ??= failure;
    this.#over = over;
    this.#wake?.();
  }

  async join(): Promise<DriverStatus> {
    if (this.#status === 'DRIVER_NOT_STARTED') return this.#status;
    await this.#left;
    await this.#over;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#status;
  }
}
