/** What a number, a truth value or nothing at all is counted as. */
const scalarBytes = 8;

/** About how many bytes a body holds, without encoding it: bounds what waits. What is in it twice counts once. */
export function roughBytesOf(body: unknown): number {
  let bytes = 0;
  const seen = new Set<object>();
  const left: unknown[] = [body];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string') bytes += value.length;
    else if (typeof value !== 'object' || value === null) bytes += scalarBytes;
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    else if (!seen.has(value)) {
      seen.add(value);
      for (const [name, field] of Object.entries(value)) {
        bytes += name.length;
        left.push(field);
      }
    }
  }
  return bytes;
}
