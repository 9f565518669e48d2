import type { Filters, OfferId, SlaveId, TaskId, TaskInfo } from '@mesos-ts/protocol';

/** What a job wants done, in order. */
export type JobEffect =
  | {
      readonly kind: 'launch';
      readonly offerId: OfferId;
      readonly tasks: readonly TaskInfo[];
      readonly filters: Filters;
    }
  | { readonly kind: 'decline'; readonly offerIds: readonly OfferId[]; readonly filters: Filters }
  | { readonly kind: 'suppress' }
  | { readonly kind: 'revive' }
  | { readonly kind: 'kill'; readonly taskId: TaskId }
  | { readonly kind: 'reconcile'; readonly tasks: readonly { readonly taskId: TaskId; readonly slaveId: SlaveId }[] }
  /** The result of a piece: once per piece. */
  | { readonly kind: 'accept'; readonly piece: number; readonly data: Uint8Array }
  /** All pieces are accepted. Nothing comes after it. */
  | { readonly kind: 'finish' }
  /** The job cannot be done. Nothing comes after it. */
  | { readonly kind: 'fail'; readonly piece: number; readonly message: string };
