/** What is written in some place may later be a little longer: numbers in the head of a frame grow. */
const roomToGrowBytes = 64;

/**
 * Where the frames of chunks are written, again and again: new memory for each would make the garbage collector go
 * through the whole heap every few megabytes.
 */
export class FrameRoom {
  #free: Buffer[] = [];

  /** @returns so many bytes, of whatever content. */
  take(bytes: number): Buffer {
    const last = this.#free.pop();
    const room =
      last !== undefined && last.byteLength >= bytes ? last : Buffer.allocUnsafeSlow(bytes + roomToGrowBytes);
    return room.subarray(0, bytes);
  }

  /** Takes what {@link take} returned, once nobody reads it any more. */
  giveBack(frame: Buffer): void {
    this.#free.push(Buffer.from(frame.buffer));
  }

  clear(): void {
    this.#free = [];
  }
}
