/** JSON of which nothing is known, and the time. */

export const clock = () => Date.now();

/** Returns what a list has in it, or nothing if it is no list. */
export const list = <T>(value: unknown): T[] =>
  Array.isArray(value) ? value.filter((one) => one != null) : [];

/** Returns whether two values are the same JSON, or maps that are the same. */
export const same = (one: any, other: any): boolean => {
  if (one === other) return true;
  if (Object(one) !== one || one.constructor !== other?.constructor) return false;
  if (one instanceof Map) return same([...one], [...other]);
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => same(one[key], other[key]))
  );
};

/** Returns what reads the same object as long as that is the same. */
export const stable = <T>(read: () => T): () => T => {
  let last: T;
  return () => {
    const next = read();
    return same(last, next) ? last : (last = next);
  };
};
