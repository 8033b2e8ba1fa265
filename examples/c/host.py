#!/usr/bin/env python3
"""A host in Python, by ctypes: prints who is told what.

    cargo build -p adsum-ffi
    python3 examples/c/host.py target/debug/libadsum_ffi.so
"""
import ctypes as c
import sys


class Bytes(c.Structure):
    _fields_ = [("data", c.c_void_p), ("len", c.c_size_t)]

    def __bytes__(self):
        return c.string_at(self.data, self.len)


class List(c.Structure):
    _fields_ = [("items", c.POINTER(Bytes)), ("len", c.c_size_t)]


class Session(c.Structure):
    _fields_ = [("name", c.c_uint64), ("slot", c.c_uint32)]


class Newcomer(c.Structure):
    _fields_ = [("user", Bytes), ("audience", List), ("blocked", List), ("kind", c.c_uint8)]


class Decision(c.Structure):
    _fields_ = [
        ("kind", c.c_uint32), ("notice", c.c_uint32), ("to", c.POINTER(c.c_uint32)),
        ("to_len", c.c_size_t), ("id", c.c_uint64), ("user", Bytes), ("session", c.c_uint64),
        ("presence", Bytes), ("topic", Bytes), ("key", Session), ("topic_key", Session),
        ("reason", c.c_uint32), ("cause", c.c_uint32), ("since", c.c_uint64),
        ("idle_since", c.c_uint64), ("entries", c.c_void_p), ("entries_len", c.c_size_t),
        ("named", List), ("counts", c.c_uint32 * 3), ("view", c.c_uint32 * 2),
        *((flag, c.c_bool) for flag in ("is_first", "is_last", "is_visible", "is_resumable",
                                        "is_idle")),
    ]


DELIVER, SNAPSHOT, ENDED = 1, 2, 10
NOTICES = {1: "shows", 3: "says", 8: "is offline"}
adsum = c.CDLL(sys.argv[1])
adsum.adsum_next.restype = c.c_bool


def text(value):
    """Bytes to hand in, which have to be there until the call returns. These always are."""
    raw = texts.setdefault(value, value.encode())
    return Bytes(c.cast(raw, c.c_void_p), len(raw))


def ids(*users):
    return List((Bytes * len(users))(*map(text, users)), len(users))


def drain():
    decision = Decision()
    while adsum.adsum_next(engine, c.byref(decision)):
        for slot in decision.to[:decision.to_len]:
            if decision.kind == SNAPSHOT:
                print(f"to {connections[slot]}: {decision.entries_len} in sight")
            elif decision.kind == DELIVER:
                words = bytes(decision.presence).decode() if decision.presence.data else ""
                does = NOTICES.get(decision.notice, decision.notice)
                print(f"to {connections[slot]}: {bytes(decision.user).decode()} {does} {words}")
        if decision.kind == ENDED:
            del connections[decision.key.slot]


def give(verb, *given):
    status = verb(engine, c.c_uint64(0), *given)
    if status:
        raise SystemExit(f"refused with {status}")


def connect(user, audience):
    newcomer, session = Newcomer(text(user), audience), Session()
    give(adsum.adsum_connect, c.byref(newcomer), c.byref(session))
    connections[session.slot] = user
    drain()
    return session


engine, connections, texts = c.c_void_p(), {}, {}
assert adsum.adsum_engine_new(None, None, None, c.byref(engine), None) == 0
bob, ann = connect("bob", ids("ann")), connect("ann", ids("bob"))
for verb, *given in [(adsum.adsum_publish, ann, text("at my desk")),
                     (adsum.adsum_direct, bob, ids("ann"), text("lunch?")),
                     (adsum.adsum_disconnect, ann)]:
    give(verb, *given)
    drain()
print("left:", *connections.values())
adsum.adsum_engine_free(engine)
