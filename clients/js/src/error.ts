import type { Frame } from "./frames.js";

/**
 * An operation that was refused, or that could not be brought to the server. `code` is the
 * protocol's, or one of the client's own:
 *
 * | code | |
 * | --- | --- |
 * | `disconnected` | the connection was lost before the answer, and it is not said again |
 * | `queue_full` | too much waits for a connection |
 * | `invalid` | it is no JSON |
 * | `too_big` | it is longer than the 64 KiB that the server takes |
 * | `full` | there is no room for all whom the server tells of: see `limit` |
 * | `other_user` | it waited, and the connection that came is another user's |
 * | `over` | it was to hold for a time that has passed before there was a connection |
 * | `closed`, or the code of `bye` | the client is closed |
 */
export class AdsumError extends Error {
  declare readonly code: string;
  /** The field that is to blame, if one is. */
  declare readonly field: string | undefined;
  /** In so many milliseconds the same may succeed. */
  declare readonly retryMs: number | undefined;

  constructor({ code, field, retry_ms }: Partial<Frame>) {
    super(field ? code + ": " + field : code);
    Object.assign(this, { name: "AdsumError", code, field, retryMs: retry_ms });
  }
}
