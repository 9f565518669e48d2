/** What is in use after a collection, outside of the heap proper, too, in bytes. Wants --expose-gc. */
export function heapBytes(): number {
  if (gc === undefined) throw new Error('memory is measured with --expose-gc');
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
