/**
 * Where the frames of chunks are written, again and again: new room for each would make the garbage collector go through
 * the whole heap every few megabytes.
 */
export class FrameRoom {
  #free: Buffer[] = [];

  /** @returns so many bytes, of whatever content. */
  take(bytes: number): Buffer {
    const free = this.#free.pop();
    return free !== undefined && free.byteLength >= bytes ? free.subarray(0, bytes) : Buffer.allocUnsafeSlow(bytes);
  }

  /** Takes what {@link take} returned, once nobody reads it any more. */
  giveBack(frame: Buffer): void {
    this.#free.push(Buffer.from(frame.buffer));
  }

  clear(): void {
    this.#free = [];
  }
}
