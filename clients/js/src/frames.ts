/** What the protocol's frames look like, as far as a client reads them. */

/** What a session is told of a topic: so many users of it are a sample. */
export type View = "nothing" | "count" | number | "all";

/** How many are in a topic. */
export interface Counts {
  readonly users: number;
  readonly sessions: number;
  readonly observers: number;
}

/** What a snapshot, or a change in a topic, says of one session, or of a user as one. */
export interface Entry {
  u: string;
  s?: string;
  p?: unknown;
  idle_since?: number;
  ended?: boolean;
  left?: string;
}

/** A frame of the server's. Which fields it has depends on `op`; unknown ones are passed over. */
export interface Frame {
  op: string;
  n?: number;
  id?: number;
  u?: string;
  s?: string;
  p?: unknown;
  for?: number;
  then?: unknown;
  topics?: string[];
  observes?: string[];
  seen?: boolean;
  idle_since?: number;
  visible?: boolean | undefined;
  first?: boolean | undefined;
  last?: boolean;
  entries?: Entry[];
  users?: string[];
  topic?: string;
  view?: View;
  counts?: Counts;
  changes?: Entry[];
  forget?: string[];
  reason?: string;
  code?: string;
  field?: string;
  retry_ms?: number;
  waits_ms?: number;
  until?: number;
  now?: number;
  ping_ms?: number;
  resume?: string;
  resumed?: boolean;
  reconnect?: boolean;
  after_ms?: number;
}
