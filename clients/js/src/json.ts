/** JSON of which nothing is known. */

/** Returns the objects and texts of a list, or none if it is no list. */
export function list<T>(value: unknown): T[] {
  return Array.isArray(value) ? value.filter((one) => one !== null && one !== undefined) : [];
}

/** Returns whether two values are the same JSON. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!one || !other || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  const has = (key: string) =>
    Object.hasOwn(other, key) &&
    same((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]);
  return keys.length === Object.keys(other).length && keys.every(has);
}
