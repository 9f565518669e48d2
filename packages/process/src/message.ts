import { type Static, type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { type Upid, upidPattern } from './upid.js';

/** Messages are shared between processes of one Node without a copy, so nobody may change one. */
export type DeepReadonly<T> = T extends string | number | boolean | bigint | null | undefined | Uint8Array
  ? T
  : { readonly [K in keyof T]: DeepReadonly<T[K]> };

/**
 * One kind of message: its name on the wire, its static type and the check of what arrives, all from one declaration
 * made with {@link message}.
 */
export interface MessageType<P extends TProperties = TProperties, R extends AnyMessageType | undefined = undefined> {
  readonly name: string;
  readonly schema: TObject<P>;
  /** What a process answers when it is asked with this message; absent on messages that are only sent. */
  readonly replyType: R;
  /** Whether `body` has the declared shape. Fields that were not declared are let through and ignored. */
  check(body: unknown): boolean;
  /** Why `body` fails the check, in words: the path and what was expected there. */
  explain(body: unknown): string;
}

// biome-ignore lint/suspicious/noExplicitAny: the existential of all message types; its parts are never read untyped
export type AnyMessageType = MessageType<any, any>;

/** A message type that declares a reply. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AskableMessageType = MessageType<any, AnyMessageType>;

/** The static type of a message's body. */
export type BodyOf<M extends AnyMessageType> = DeepReadonly<Static<M['schema']>>;

/** The body of the reply to a message that may be asked. */
export type ReplyOf<M extends AnyMessageType> = M['replyType'] extends AnyMessageType ? BodyOf<M['replyType']> : never;

/** A UPID inside a message. */
export const UpidSchema = Type.Unsafe<Upid>(Type.String({ pattern: upidPattern }));

/**
 * Declares a message, once, for every process that sends or handles it.
 *
 * @param name unique in a cluster; at most 64 characters.
 * @param properties the fields, as TypeBox schemas.
 * @param options `reply`: the message that answers this one, which makes it one that can be asked.
 */
export function message<P extends TProperties, R extends AnyMessageType | undefined = undefined>(
  name: string,
  properties: P,
  options: { readonly reply?: R } = {},
): MessageType<P, R> {
  const schema = Type.Object(properties);
  // Compiled on first use: a short-lived executor should not pay for the messages that only masters read.
  let compiled: TypeCheck<TSchema> | undefined;
  const checker = (): TypeCheck<TSchema> => {
    compiled ??= TypeCompiler.Compile(schema as TSchema);
    return compiled;
  };
  return {
    name,
    schema,
    replyType: options.reply as R,
    check: (body) => checker().Check(body),
    explain: (body) => {
      const error = checker().Errors(body).First();
      return error === undefined ? 'nothing is wrong' : `${error.path === '' ? '/' : error.path}: ${error.message}`;
    },
  };
}
