/** What outlives a reload of the page: which session it was, and whether its user was hidden. */

export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The secret of a session, and its user if that was invisible. */
export type Kept = readonly [resume: string, hidden: string | false];

/** Returns what this comes to, or nothing: a browser that forbids storage throws, so does none. */
const attempt = <T>(what: () => T): T | undefined => {
  try {
    return what();
  } catch {}
};

/**
 * Keeps the secret of a session, and whether its user is invisible, from the moment at which the
 * page is left until the next one takes it out. In between it is not there: a tab that is
 * duplicated copies what is, and two tabs cannot have one session. Returns what takes out what is
 * kept, and keeps something in its place, if anything.
 */
export const keeper =
  (
    key: string,
    storage: Storage | null | undefined = attempt(
      // The browser's.
      () => (globalThis as { sessionStorage?: Storage }).sessionStorage,
    ),
  ) =>
  (next?: Kept) =>
    attempt(() => {
      const kept = storage!.getItem(key);
      if (next) storage!.setItem(key, JSON.stringify(next));
      else storage!.removeItem(key);
      return kept && (JSON.parse(kept) as Kept);
    });
