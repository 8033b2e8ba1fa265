"""What a room costs in each server, and what adsum.v1 costs beside tim's protocol."""

import json
import statistics
import subprocess

import peers

# Everybody in the room is to be told of everybody, also by adsum, which has fewer told in a room
# of more than 200 unless it is set otherwise.
SETTINGS = {"topic_full_up_to": 1_000}
GATHER_MS = 100


class AtOnce(peers.Adsum):
    settings = SETTINGS


class Gathering(peers.Adsum):
    name = f"{peers.Adsum.name}, gathering"
    settings = {**SETTINGS, "topic_coalesce_ms": GATHER_MS}


OURS, GATHERS = AtOnce.name, Gathering.name
SERVERS = [AtOnce, Gathering, peers.Sockudo, peers.SocketIo, peers.Centrifuge]
PEERS = [peers.Sockudo.name, peers.Centrifuge.name]
PROTOCOLS = {"tim": "json", "v1": "v1"}

# Each row: what it is, its unit, and its figure. Less is better in all of them.
ROWS = [
    ("processor time a notice of who comes in", "µs", "enter_us"),
    ("… of who goes", "µs", "leave_us"),
    ("clients that miss somebody when all are in", "of {clients}", "wrong"),
    ("a notice of who comes in is late by, p50", "ms", "late_p50_ms"),
    ("… p99", "ms", "late_p99_ms"),
    ("memory a connection, connected", "KiB", "connected_kib"),
    ("… and in the room", "KiB", "connection_kib"),
    ("connecting and being told of {present}: processor time", "µs", "visit_us"),
    ("… until it is told, p50", "ms", "visit_p50_ms"),
]
# What is sought: of the peers' processor time, memory, and v1's of tim's processor time.
EIGHTH, THIRD, KIB, PROTOCOL = 1 / 8, 1 / 3, 12, 1.1


def measured(server, is_quick):
    print(f"==> a room: {server.name} {server.version}", flush=True)
    with peers.running(server) as (port, pid):
        return {"name": server.name, "version": server.version,
                **peers.drive(server, "room", port, pid, is_quick)}


def protocols(server, is_quick):
    """A delivery's processor time in each protocol, in turns, so that both get the same noise."""
    print("==> adsum.v1 beside tim's protocol", flush=True)
    words = [server.binary, "load", "--json", "--rate", "200", "--duration",
             "2" if is_quick else "8"]
    runs = {name: [] for name in PROTOCOLS}
    for _ in range(1 if is_quick else 5):
        for name, form in PROTOCOLS.items():
            told = json.loads(subprocess.run([*words, "--form", form], check=True,
                                             stdout=subprocess.PIPE).stdout)
            if told["deliveries"] != told["expected"]:
                raise RuntimeError(f"{told['deliveries']} of {told['expected']} came by {name}")
            runs[name].append(told["cpu_us_per_delivery"])
    return {"runs": runs, **compared(runs)}


def compared(runs):
    """The medians, and that of what each run with adsum.v1 took of the one with tim's before."""
    ratios = [v1 / tim for v1, tim in zip(runs["v1"], runs["tim"])]
    return {"ratio": round(statistics.median(ratios), 3),
            **{name: round(statistics.median(all_), 2) for name, all_ in runs.items()}}


def targets(figures):
    """Each target as a line: what was sought, what came of it, and whether that reaches it."""
    servers = {server["name"]: server for server in figures["servers"]}
    for ours in [servers[name] for name in (OURS, GATHERS) if name in servers]:
        for what, key, share in [("a notice of who comes in", "enter_us", EIGHTH),
                                 ("connecting and being told", "visit_us", THIRD)]:
            for peer in [servers[name] for name in PEERS if name in servers]:
                took = ours[key] / peer[key]
                yield (f"{ours['name']}: {what}: 1/{round(1 / share)} of {peer['name']}'s "
                       f"processor time", f"1/{1 / took:.1f}", took <= share)
        kib = ours["connection_kib"]
        yield f"{ours['name']}: {KIB} KiB a connection in the room", f"{kib:,} KiB", kib <= KIB
    if figures["protocols"]:
        ratio = figures["protocols"]["ratio"]
        yield (f"a delivery by adsum.v1: {PROTOCOL} of the processor time by tim's protocol",
               f"{ratio}", ratio <= PROTOCOL)


def rows(figures):
    """The names of the rows, with their figures for each server."""
    for name, unit, key in ROWS:
        values = [server[key] for server in figures["servers"]]
        yield f"{name}, {unit}".format(**figures["servers"][0]), values


SECTION = """
## A room

{clients} clients, all connected, come into one room, {rate} a second, each of whom is told who is
there and all of whom are told who comes; then they go. That is done {rounds} times, after once for
what is done once. Then {visits} others, one after another, connect, are told of the {present} who
are in the room, and close; nobody is told of these. It was {day}, and the load average {load} as
measuring began: `scripts/compare --rooms --write`. In each row the best is **bold**.

{servers}

Processor time is that of the server's process, over all notices that its clients received. Coming
in has the lists for the newcomers in it, and a connection's memory is what the resident memory of
the process grew by. adsum-server tells all of all (`topic_full_up_to` is {full}); *gathering*
(`topic_coalesce_ms` is {gather}) it tells each member of all changes of {gather} ms at once. To
connect, adsum looks at a token and sockudo at one for the room; socket.io and Centrifuge take
anybody's word here. XMPP's servers are not in this part{missing}.

{protocols}

| sought, at most | it is | |
| --- | ---: | --- |
{targets}
"""

PROTOCOL_TEXT = """
A delivery takes {v1} µs of processor time by adsum.v1 and {tim} by tim's protocol
(`adsum-server load --rate 200`, {times} times each, in turns; medians). The median of what one run
took of the one before it is {ratio}.
"""


def section(figures, of_rows):
    """The part of the page; `of_rows` makes a table of named rows, with the best in bold."""
    of = figures["protocols"]
    told = PROTOCOL_TEXT.strip().format(**of, times=len(of["runs"]["v1"])) if of else ""
    missing = "".join(f"; {each['name']} is left out: {each['why']}"
                      for each in figures["missing"])
    lines = [f"| {what} | {it_is} | {'reached' if holds else '**missed**'} |"
             for what, it_is, holds in targets(figures)]
    heads = [f"{server['name']} {server['version']}" for server in figures["servers"]]
    return SECTION.format(**{**figures["servers"][0], **figures,
                             "servers": of_rows(heads, rows(figures)), "protocols": told,
                             "targets": "\n".join(lines), "missing": missing, "gather": GATHER_MS,
                             "full": f"{SETTINGS['topic_full_up_to']:,}"})


def made_up(name, **other):
    figures = {key: 12 for _, _, key in ROWS}
    return {"name": name, "version": "1", "clients": 300, "rate": 250, "rounds": 10, "visits": 400,
            "present": 100, **figures, **other}


def self_test():
    """Checks that a target is reached at it and missed beyond, and what is a median."""
    ours = made_up(OURS, enter_us=2, visit_us=4, connection_kib=12)
    sockudo = made_up(PEERS[0], enter_us=16, visit_us=12)
    centrifuge = made_up(PEERS[1], enter_us=15.9, visit_us=11.9)
    by_tim = {"tim": [10, 10, 30], "v1": [11, 20, 33.0]}
    figures = {"servers": [ours, sockudo, centrifuge], "day": "2000-01-01", "load": 0.1,
               "missing": [{"name": "one", "why": "it is not there"}],
               "protocols": {"runs": by_tim, **compared(by_tim)}}
    assert compared(by_tim) == {"ratio": 1.1, "tim": 10, "v1": 20}, compared(by_tim)
    found = [holds for _, _, holds in targets(figures)]
    assert found == [True, False, True, False, True, True], found
    missed = {**figures, "servers": [made_up(OURS, connection_kib=12.1)],
              "protocols": {"runs": by_tim, **compared({"tim": [10], "v1": [11.1]})}}
    assert [holds for _, _, holds in targets(missed)] == [False, False]
    assert [line for line in section(missed, lambda heads, rows: "").splitlines()
            if "KiB a" in line] == [f"| {OURS}: 12 KiB a connection in the room | 12.1 KiB | "
                                    "**missed** |"]
    assert "; one is left out: it is not there." in " ".join(
        section(figures, lambda heads, rows: "").split())
    nobody = {**figures, "protocols": None, "servers": [sockudo]}
    assert not list(targets(nobody))
    return figures
