// What the clients of all servers have in common: what one believes of others, and its socket.

export function base(told, socket) {
  let ready, failed, before;
  const beliefs = new Map();
  const client = {
    beliefs,
    isClosed: false,
    received: 0,
    notices: 0,
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
    // In a room somebody comes, who shows nothing yet, or goes.
    comes(user) {
      client.notices += 1;
      client.shows(user, undefined);
      client.came?.(user);
    },
    goes(user) {
      client.notices += 1;
      client.gone(user);
    },
    // Waits until the client is told who is in the room that it has asked for.
    listed: () => new Promise((resolve) => { client.list = resolve; }),
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
