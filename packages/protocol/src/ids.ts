import { type TUnsafe, Type } from '@sinclair/typebox';

/** Distinct types for the ids of distinct things: one cannot be passed for another by mistake. */
type Id<Brand extends string> = string & { readonly __id: Brand };

export type MasterId = Id<'Master'>;
/** `<master id>-NNNN`: minted by the leading master (Mesos facts 3.1). */
export type FrameworkId = Id<'Framework'>;
/** `<master id>-S<n>`. */
export type SlaveId = Id<'Slave'>;
/** `<master id>-O<n>`. */
export type OfferId = Id<'Offer'>;
/** Chosen by the framework; unique among its tasks that are not yet terminal and acknowledged. */
export type TaskId = Id<'Task'>;
/** Chosen by the framework; unique on one agent. */
export type ExecutorId = Id<'Executor'>;

/**
 * What every id must satisfy (Mesos facts 3.7): 1 to 255 characters, no `/`, `\` or control character, neither `.` nor
 * `..`: ids become names of folders.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const idExpression = /^(?!\.{1,2}$)[^/\\\u0000-\u001f\u007f]{1,255}$/;

/** Whether `text` may serve as an id. */
export function isId(text: string): boolean {
  return idExpression.test(text);
}

function idSchema<T extends string>(): TUnsafe<T> {
  return Type.Unsafe<T>(Type.String({ pattern: idExpression.source }));
}

export const MasterIdSchema = idSchema<MasterId>();
export const FrameworkIdSchema = idSchema<FrameworkId>();
export const SlaveIdSchema = idSchema<SlaveId>();
export const OfferIdSchema = idSchema<OfferId>();
export const TaskIdSchema = idSchema<TaskId>();
export const ExecutorIdSchema = idSchema<ExecutorId>();
