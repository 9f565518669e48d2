/** What a Node does where its options say nothing. Changed by the test runner only, for a whole OS process. */
export const nodeDefaults = { serializeLocal: false };

/**
 * From here on, Nodes of this OS process serialize what their own processes send each other, as `serializeLocal` of the
 * NodeOptions says. For running existing tests that way.
 */
export function serializeLocalByDefault(): void {
  nodeDefaults.serializeLocal = true;
}
