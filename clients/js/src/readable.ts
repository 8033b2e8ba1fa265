/** What can be read now and heard of when it changes. */

/**
 * Something that changes. Both functions may be handed on as they are: to React's
 * `useSyncExternalStore(it.subscribe, it.getSnapshot)`, for one.
 */
export interface Readable<T> {
  /** Returns what is so now: the same object as long as nothing of it changes. */
  readonly getSnapshot: () => T;
  /** Has a listener called with what is so, whenever it has changed. Returns how to end that. */
  readonly subscribe: (listener: (value: T) => void) => () => void;
}

/** Calls a listener. What it throws is reported as uncaught, and harms nobody else. */
export const call = <T extends unknown[]>(
  listener: ((...given: T) => void) | undefined,
  ...given: T
): void => {
  try {
    listener?.(...given);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

/** Returns what makes something readable, and what tells those whose part has changed. */
export const watchers = () => {
  const checks = new Set<() => void>();
  return {
    make: <T>(getSnapshot: () => T): Readable<T> => ({
      getSnapshot,
      subscribe(listener) {
        let last = getSnapshot();
        const check = () => {
          const now = getSnapshot();
          if (now !== last) call(listener, (last = now));
        };
        checks.add(check);
        return () => checks.delete(check);
      },
    }),
    check: () => [...checks].forEach((check) => checks.has(check) && check()),
  };
};

export type Watchers = ReturnType<typeof watchers>;
