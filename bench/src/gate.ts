/** A promise that somebody else settles. */
export class Gate<T> {
  readonly promise: Promise<T>;
  open!: (value: T) => void;
  refuse!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve;
      this.refuse = reject;
    });
    this.promise.catch(() => undefined); // whoever waits is told
  }
}
