// What an application writes is of the right types. It is compiled and not run.

import { connect, Replica, AdsumError, type Person, type Readable } from "../dist/index.js";

type Presence = { show: string; text?: string } | { cursor: number | null };

const adsum = connect<Presence>("wss://example.org/v1", {
  token: () => fetch("/token").then((answer) => answer.text()),
  hello: { device: "laptop" },
  storage: sessionStorage,
});

/** React's, as far as it matters here. */
declare function useSyncExternalStore<T>(
  subscribe: (changed: () => void) => () => void,
  getSnapshot: () => T,
): T;
const use = <T>({ subscribe, getSnapshot }: Readable<T>): T =>
  useSyncExternalStore(subscribe, getSnapshot);

const people: ReadonlyMap<string, Person<Presence>> = use(adsum.contacts);
const bob: Person<Presence> = use(adsum.person("bob"));
const state: "online" | "offline" | "unknown" = adsum.person("bob").state;
adsum.publish({ show: "busy" }, { until: new Date(), then: { show: "back" } }).catch((error) => {
  if (error instanceof AdsumError) console.log(error.code, error.field, error.retryMs);
});
const room = adsum.join("room:42", { presence: { cursor: null }, view: "all" });
const end: () => void = room.members.subscribe((members) => console.log(members.size));
room.update({ cursor: room.count }).then(({ waitsMs }) => console.log(waitsMs ?? 0));
// @ts-expect-error A presence is of its type.
adsum.publish(7);
// @ts-expect-error There is no such view.
room.look("some");
const replica = new Replica<Presence>({ limit: 10 });
const fits: boolean = replica.apply([{ op: "welcome" }]);
console.log(people, bob.presence, state, end, fits, replica.topic("t")?.members);
