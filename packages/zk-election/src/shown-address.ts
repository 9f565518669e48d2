/** The address of an election as it may be shown: without user and password, also where it is mistyped. */
export function shownAddress(text: string): string {
  return text.replace(/^(\w+:\/+)?.*:.*@/s, '$1');
}
