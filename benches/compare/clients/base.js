// What the clients of all servers have in common: what one believes of others, and its socket.

export function base(told, socket) {
  let ready, failed, before;
  const beliefs = new Map();
  const client = {
    beliefs,
    isClosed: false,
    received: 0,
    online: new Promise((resolve, reject) => { ready = resolve; failed = reject; }),
    ready: () => ready(client),
    failed(why) {
      failed(new Error(why));
      client.fault ??= why;
    },
    closed() {
      client.isClosed = true;
      failed(new Error("the connection is closed"));
    },
    // Somebody shows something, or is there and shows nothing yet.
    shows(user, value) {
      before?.delete(user);
      beliefs.set(user, value);
      if (value !== undefined) {
        client.received += 1;
        told?.(client, user, value);
      }
    },
    gone: (user) => beliefs.delete(user),
    // All who are there come, and whoever does not is gone.
    begin() { before = new Set(beliefs.keys()); },
    end() {
      before.forEach((user) => beliefs.delete(user));
      before = undefined;
    },
    // Reads nothing more, and goes on.
    pause: () => socket().pause(),
    resume: () => socket().resume(),
  };
  client.online.catch(() => {});
  return client;
}
