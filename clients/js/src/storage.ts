/** What outlives a reload of the page: which session it was. */

export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Returns what this comes to, or nothing: a browser that forbids storage throws. */
const attempt = <T>(what: () => T): T | undefined => {
  try {
    return what();
  } catch {}
};

/**
 * Keeps the secret of a session from the moment at which the page is left until the next one takes
 * it out. In between it is not there: a tab that is duplicated copies what is, and two tabs cannot
 * have one session. Returns what takes out what is kept, and keeps something in its place, if
 * anything.
 */
export const keeper =
  (
    key: string,
    storage: Storage | null | undefined = attempt(
      // The browser's.
      () => (globalThis as { sessionStorage?: Storage }).sessionStorage,
    ),
  ) =>
  (resume?: string) =>
    attempt(() => {
      const kept = storage?.getItem(key);
      if (resume) storage?.setItem(key, resume);
      else storage?.removeItem(key);
      return kept;
    });
