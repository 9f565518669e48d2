import { isCount, Layout, layoutRange } from './frame.js';

/**
 * What a Node says first in every session, in a layout that the other is known to read. Fields and features that are not
 * known are ignored, and a Node that says no hello is taken for one without any feature.
 */
export interface Hello {
  /** The layouts that it reads, from the first to the last. */
  readonly layouts: readonly [first: number, last: number];
  readonly features: readonly string[];
  /** The largest message that it puts together, in bytes. */
  readonly messageBytesMax: number;
  /** Whether it has heard ours. */
  readonly heard: boolean;
  /** Where its transport's server knows it under; empty if there is none. */
  readonly connection: string;
}

/** What this build can do, by the names that hellos use. */
export const Feature = {
  /** Reads {@link Layout.compact}. */
  compact: 'compact',
  /** Reads {@link Layout.rows}. */
  rows: 'rows',
  /** Puts chunks together, and says how much has arrived. */
  chunks: 'chunks',
  /** Ignores frames without any bytes, which only ask the server whether anybody is there. */
  look: 'look',
} as const;

/** What it takes to send to a Node, as known from its hello. */
export interface Abilities {
  /** The best that it reads. */
  readonly layout: Layout;
  readonly chunks: boolean;
  readonly look: boolean;
  readonly messageBytesMax: number;
  readonly connection: string;
}

/** Of a Node that has said no hello. */
export const noAbilities: Abilities = {
  layout: Layout.plain,
  chunks: false,
  look: false,
  messageBytesMax: 0,
  connection: '',
};

export function ownHello(messageBytesMax: number, heard: boolean, connection: string): Hello {
  return { layouts: layoutRange, features: Object.values(Feature), messageBytesMax, heard, connection };
}

/** Reads one from the wire; undefined where it is none. */
export function readHello(body: unknown): Hello | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { layouts, features, messageBytesMax, heard, connection } = body as Partial<Record<keyof Hello, unknown>>;
  if (!Array.isArray(layouts) || !isCount(layouts[0]) || !isCount(layouts[1]) || !Array.isArray(features))
    return undefined;
  return {
    layouts: [layouts[0], layouts[1]],
    features: features.filter((feature) => typeof feature === 'string'),
    messageBytesMax: isCount(messageBytesMax) ? messageBytesMax : 0,
    heard: heard === true,
    connection: typeof connection === 'string' ? connection : '',
  };
}

/** Whether a Node can be spoken to at all: it reads some layout that we write. */
export function isCompatible({ layouts: [first, last] }: Hello): boolean {
  return first <= layoutRange[1] && last >= layoutRange[0];
}

export function abilitiesOf({ features, messageBytesMax, connection }: Hello): Abilities {
  const has = (feature: string): boolean => features.includes(feature);
  return {
    layout: has(Feature.rows) ? Layout.rows : has(Feature.compact) ? Layout.compact : Layout.plain,
    chunks: has(Feature.chunks),
    look: has(Feature.look),
    messageBytesMax,
    connection,
  };
}
