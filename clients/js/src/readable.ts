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
export function call<T>(listener: ((given: T) => void) | undefined, given: T): void {
  try {
    listener?.(given);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Returns what makes something readable, and what tells those whose part has changed. */
export function watchers() {
  const checks = new Set<() => void>();
  return {
    readable<T>(getSnapshot: () => T): Readable<T> {
      const listeners = new Set<(value: T) => void>();
      let last: T;
      const check = () => {
        const now = getSnapshot();
        if (now === last) return;
        last = now;
        for (const own of [...listeners]) if (listeners.has(own)) call(own, now);
      };
      return {
        getSnapshot,
        subscribe(listener) {
          // One that subscribes twice is called twice, and ends each for itself.
          const own = (value: T) => listener(value);
          if (listeners.size === 0) last = getSnapshot();
          checks.add(check);
          listeners.add(own);
          return () => {
            listeners.delete(own);
            if (listeners.size === 0) checks.delete(check);
          };
        },
      };
    },
    check: () => [...checks].forEach((check) => check()),
  };
}

export type Watchers = ReturnType<typeof watchers>;
