"""What the comparison came to: tables, a page and a plot."""

import json
import pathlib
import textwrap

import rooms

HERE = pathlib.Path(__file__).resolve().parent
# The figures that the page and its plot are of.
FIGURES = HERE / "figures.json"
PAGES = {name: HERE.parent.parent / "docs" / name for name in ["COMPARE.md", "compare.svg"]}

OURS = "adsum-server"
OUR_LIBRARY = "adsum"
NEVER = "not within {longest_s} s"


def seconds(told, figures):
    """How long until nobody was believed to be there who was not."""
    value = told["right_after_s"]
    return NEVER.format(**figures["vanish"]) if value is None else value


# The columns of the libraries: what it is, and its unit.
LIBRARY_COLUMNS = [("leave and join", "ns"), ("find the fifty", "ns")]
# Each row: what it is, its unit, and its figure. Less is better in all of them.
ROWS = [
    ("processor time a delivery", "µs", lambda s: s["cpu_us"]),
    ("latency, p50", "ms", lambda s: s["p50_ms"]),
    ("… p90", "ms", lambda s: s["p90_ms"]),
    ("… p99", "ms", lambda s: s["p99_ms"]),
    ("memory a connection", "KiB", lambda s: s["connection_kib"]),
    ("slow readers: the server's memory grows by", "MiB", lambda s: s["slow"]["server_mib"]),
    ("… presences each must read", "", lambda s: s["slow"]["read"]),
    ("… cut off", "", lambda s: s["slow"]["closed"]),
    ("… wrong beliefs in the end", "", lambda s: s["slow"]["wrong"]),
    ("… right again after", "ms", lambda s: s["slow"]["right_after_ms"]),
    ("killed and back within 2 s: told that they are gone", "",
     lambda s: s["vanish"]["back"]["told_gone"]),
    ("killed for good: believed to be there for", "s",
     lambda s: seconds(s["vanish"]["killed"], s)),
    ("hung: believed to be there for", "s", lambda s: seconds(s["vanish"]["hung"], s)),
]


def whole(rows, at):
    """The name of a row, also where it stands below another."""
    name = rows[at][0]
    if not name.startswith("…"):
        return name
    above = next(rows[up][0] for up in range(at, -1, -1) if not rows[up][0].startswith("…"))
    first = above[:min((above.find(sign) for sign in ",:" if sign in above), default=None)]
    return f"{first}, {name.removeprefix('… ')}"


def number(value):
    if value is None:
        return "never"
    return value if isinstance(value, str) else f"{value:,}"


def best(values):
    """The least of the figures, if there are some that differ."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    return min(numbers) if len(numbers) > 0 and len({*map(str, values)}) > 1 else None


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def of_rows(heads, rows):
    """A table of named rows, in each of which the best is bold."""
    lines = []
    for name, values in rows:
        least = best(values)
        lines.append([name, *(f"**{number(value)}**" if value == least else number(value)
                              for value in values)])
    return table(["", *heads], lines)


def of_servers(figures):
    servers = figures["servers"]
    heads = [f"{server['name']} {server['version']}" for server in servers]
    return of_rows(heads, ((name + (f", {unit}" if unit else ""),
                            [of(server) for server in servers]) for name, unit, of in ROWS))


def of_libraries(figures):
    rows = []
    least = [best(column) for column in list(zip(*figures["libraries"]))[1:]]
    for name, *values in figures["libraries"]:
        rows.append([name, *(f"**{number(value)}**" if value == least[at] else number(value)
                             for at, value in enumerate(values))])
    return table(["", *(f"{what}, {unit}" for what, unit in LIBRARY_COLUMNS)], rows)


def losses(figures):
    """The rows of all three tables in which another does better than adsum, each as a line."""
    servers = figures["servers"]
    for at, (_, unit, of) in enumerate(ROWS):
        yield from loss(whole(ROWS, at), unit, [(each["name"], of(each)) for each in servers], OURS)
    # What the server does in a room it does in two ways, and either is as a whole beside others.
    room = figures.get("rooms") or {"servers": []}
    for ours, where in [(rooms.OURS, "a room"), (rooms.GATHERS, "a room, gathering")]:
        beside = [each for each in room["servers"]
                  if each["name"] == ours or each["name"] not in (rooms.OURS, rooms.GATHERS)]
        for at, (_, unit, key) in enumerate(rooms.ROWS):
            values = [(each["name"], each[key]) for each in beside]
            for line in loss(f"{where}: {whole(rooms.ROWS, at)}", unit, values, ours):
                yield line.format(**beside[0])
    for at, (what, unit) in enumerate(LIBRARY_COLUMNS, 1):
        values = [(row[0], row[at]) for row in figures["libraries"]]
        yield from loss(f"libraries: {what}", unit, values, OUR_LIBRARY)


def loss(what, unit, values, our_name):
    """A line of all who do better than ours in something, the best first, if anybody does."""
    rank = lambda value: value if isinstance(value, (int, float)) else float("inf")
    ours = [value for name, value in values if name == our_name]
    better = sorted(((rank(value), name) for name, value in values
                     if ours and rank(value) < rank(ours[0])))
    if better:
        unit = f" {unit}" if unit else ""
        who = ", ".join(f"{name} {number(value)}{unit}" for value, name in better)
        yield f"* {what}: {who}; ours {number(ours[0])}."


def wrapped(text):
    """The same with lines of 100 columns, but for tables."""
    blocks = []
    for block in text.split("\n\n"):
        if block.lstrip().startswith(("|", "#", "!", "```")):
            blocks.append(block)
            continue
        items = block.strip().replace("\n* ", "\0* ").split("\0")
        blocks.append("\n".join(textwrap.fill(
            " ".join(item.split()), 100, break_long_words=False, break_on_hyphens=False,
            subsequent_indent="  " if item.startswith("* ") else "") for item in items))
    return "\n\n".join(blocks) + "\n"


def tables(figures):
    parts = [of_servers(figures)]
    if figures.get("rooms"):
        parts.append(rooms.section(figures["rooms"], of_rows).strip())
    if figures["libraries"]:
        parts.append(of_libraries(figures))
    parts.append("\n".join(["Where another does better:", *losses(figures)]))
    return "\n\n".join(parts)


def page(figures):
    notes = "\n".join(f"* **{server['name']} {server['version']}**: {server['note']}."
                      for server in figures["servers"])
    missing = "\n".join(f"* {each['name']}: {each['why']}." for each in figures["missing"])
    first = figures["servers"][0]
    slow, gone = first["slow"], first["vanish"]
    text = PAGE.format(
        machine=figures["machine"], day=figures["day"], load=figures["load"],
        node=figures["node"], notes=notes, missing=missing or "* Nobody.",
        servers=of_servers(figures),
        losses="\n".join(losses(figures)) or "* Nowhere.", connections=first["connections"],
        publishes=first["published"], readers=slow["readers"], megabytes=slow["megabytes_each"],
        clients=gone["clients"], longest=gone["longest_s"])
    if figures.get("rooms"):
        text += rooms.section(figures["rooms"], of_rows)
    if figures.get("tracker"):
        tracker = figures["tracker"]
        text += TRACKER.format(**{**tracker, "lines": "\n".join(tracker["lines"])})
    if figures["libraries"]:
        text += LIBRARIES.format(libraries=of_libraries(figures), load=figures["libraries_load"])
    return wrapped(text)


PAGE = """# Beside others

What a user would otherwise pick, on the same workload in the same minutes: `scripts/compare
--write` made this page and its plot, of one run on {machine}.
It was {day}, and the load average of the machine {load} as measuring began. In
each row the best is **bold**, and less is better. `scripts/compare get` fetches the others.

{servers}

![Processor time, latency and memory](compare.svg)

## Where another does better

{losses}

What a killed or a hung client is told to others is a choice. adsum-server waits for who may come
back (`grace_error`, 60 s; `grace_timeout`, 15 s after `ping_timeout`, 90 s), so that nobody blinks
whose train goes through a tunnel; servers that say so at once have told everybody "gone" and "here"
again. All three are settings. A *wrong belief* is one that is still wrong after 15 s of reading,
on a connection that is open.

## What is done

One driver in Node {node} has the clients of all servers in one process, which takes part of the
machine as well, and in latency its own time is included.

* **Deliveries**: one user publishes {publishes} times, twenty a second, to 200 others who are
  there; {connections} connections in all. The processor time is that of the server's process.
* **Memory**: what its resident memory grew by while 800 further clients connected and said who they
  are, for each.
* **Slow readers**: {readers} clients read nothing while one publishes {megabytes} MB, as fast as a
  further one, who reads, takes it; then they read again. How much must each read until what it
  believes is true, and is it?
* **Processes that end**: {clients} clients whose process is killed (`kill -9`), and is there again
  after two seconds, or never; and as many whose process hangs (`kill -STOP`), for {longest} s.

In adsum and XMPP, presence goes to contacts, which the publisher has 200 of; in the others to a
room with 201 members. XMPP says it in XML over bare TCP, the others in JSON over WebSocket.
sockudo, Centrifuge and a server with socket.io like this one have no state that whoever reads
slowly could be told instead of all that was said.

{notes}

Left out:

{missing}
"""

TRACKER = """
## Phoenix.Tracker

What `benches/tracker/run` said on {day}, with a load average of {load} at the beginning;
[cluster.md](cluster.md#beside-phoenixtracker) says what is done there.

```text
{lines}
```
"""

LIBRARIES = """
## Libraries

A hundred thousand sessions in rooms of fifty: the processor time of leaving a room and joining it,
and of finding the fifty, with a load average of {load} at the beginning. adsum tells the others,
and keeps their order, what each shows, and slow readers; the others here do not. `benches/sockudo`
has the workload of those in Rust, and `benches/compare/adapter.js` of that in JavaScript;
[SPEED.md](SPEED.md) has more of the engine.

{libraries}
"""

COLOURS = ["#2f6f9f", "#d98c3f", "#6b9e5b", "#9a6fb0", "#b5524f"]
PLOTS = [0, 1, 3, 4]
WIDTH, BAR, GAP, LEFT = 760, 16, 34, 210


def plot(figures):
    """Bars of the servers, one group for each figure, each group on a scale of its own."""
    servers, parts, y = figures["servers"], [], 10
    for row in PLOTS:
        _, unit, of = ROWS[row]
        title = f"{whole(ROWS, row)}, {unit}"
        parts.append(f'<text x="10" y="{y + 13}" font-weight="bold">{title}</text>')
        y += 20
        most = max(of(server) for server in servers) or 1
        for at, server in enumerate(servers):
            value = of(server)
            width = max(1, round(value / most * (WIDTH - LEFT - 90)))
            parts.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{server["name"]}'
                         f'</text><rect x="{LEFT}" y="{y}" width="{width}" height="{BAR - 3}" '
                         f'fill="{COLOURS[at % len(COLOURS)]}"/>'
                         f'<text x="{LEFT + width + 6}" y="{y + 12}">{number(value)}</text>')
            y += BAR
        y += GAP - BAR
    lines = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
            f'font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n{lines}\n</svg>\n')


def write(figures):
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    PAGES["COMPARE.md"].write_text(page(figures))
    PAGES["compare.svg"].write_text(plot(figures))


def made_up(name, **other):
    """The figures of a server of which all but these are as good as can be."""
    slow = {"server_mib": 0, "read": 1, "closed": 0, "wrong": 0, "right_after_ms": 1, "readers": 4,
            "megabytes_each": 12}
    gone = {"back": {"told_gone": 0}, "killed": {"right_after_s": 1.0},
            "hung": {"right_after_s": None}, "clients": 20, "longest_s": 150}
    figures = {"cpu_us": 5, "p50_ms": 1, "p90_ms": 2, "p99_ms": 3, "connection_kib": 8,
               "connections": 1_001, "published": 200}
    return {"name": name, "version": "1", "note": "made up", **figures, **other,
            "slow": {**slow, **other.get("slow", {})}, "vanish": gone}


def self_test():
    """Checks that the best is bold, that losses are told, and that lines are not too long."""
    ours = made_up(OURS, p90_ms=4, slow={"read": 0})
    theirs = made_up("other", cpu_us=6, connection_kib=1_234.5, slow={"right_after_ms": None})
    figures = {"day": "2000-01-01", "machine": "a machine " * 12, "load": 0.1, "node": "v20",
               "servers": [ours, theirs], "missing": [{"name": "one", "why": "it is not there"}],
               "libraries": [["a", 10, 20], ["b", 30, 5]], "libraries_load": 0.2,
               "rooms": rooms.self_test()}
    text = page(figures)
    for line in ["| processor time a delivery, µs | **5** | 6 |",
                 "| memory a connection, KiB | **8** | 1,234.5 |", "| latency, p50, ms | 1 | 1 |",
                 "| … presences each must read | **0** | 1 |", "| … right again after, ms | **1** "
                 "| never |", "| a | **10** | 20 |", "| b | 30 | **5** |",
                 "| hung: believed to be there for, s | not within 150 s | not within 150 s |",
                 "* one: it is not there.", "| processor time a notice of who comes in, µs | **2** "
                 "| 16 | 15.9 |", "| adsum-server: a notice of who comes in: 1/8 of sockudo's "
                 "processor time | 1/8.0 | reached |"]:
        assert line in text.splitlines(), line
    assert list(losses(figures)) == ["* latency, p90: other 2 ms; ours 4."], list(losses(figures))
    nobody = {**figures, "servers": [theirs], "rooms": None}
    assert list(losses(nobody)) == []
    third = made_up("third", p90_ms=1.5)
    libraries = [["adsum", 30, 5], ["maps", 10, 5], ["a", 40, 4]]
    room = {**figures["rooms"], "servers": [rooms.made_up(rooms.OURS, late_p99_ms=None),
                                            rooms.made_up(rooms.GATHERS, leave_us=13, wrong=13),
                                            rooms.made_up("other")]}
    all_three = {**figures, "servers": [ours, theirs, third], "rooms": room, "libraries": libraries}
    expected = ["* latency, p90: third 1.5 ms, other 2 ms; ours 4.",
                "* a room: a notice of who comes in is late by, p99: other 12 ms; ours never.",
                "* a room, gathering: processor time a notice of who comes in, of who goes: other "
                "12 µs; ours 13.",
                "* a room, gathering: clients that miss somebody when all are in: other 12 of 300; "
                "ours 13.",
                "* libraries: leave and join: maps 10 ns; ours 30.",
                "* libraries: find the fifty: a 4 ns; ours 5."]
    assert list(losses(all_three)) == expected, list(losses(all_three))
    for line in expected:
        assert line in page(all_three).replace("\n  ", " "), line
    long = [line for line in text.splitlines() if len(line) > 100 and not line.startswith("|")]
    assert not long, long
    tracker = {"day": "2000-01-01", "load": 0.3, "lines": ["three nodes  of each", "nothing wrong"]}
    assert "```text\nthree nodes  of each\nnothing wrong\n```\n" in page(
        {**figures, "tracker": tracker})
    assert plot(figures).count("<rect") == 1 + len(PLOTS) * 2
    written = json.loads(FIGURES.read_text())
    assert page(written) == PAGES["COMPARE.md"].read_text(), "the page is not of these figures"
    assert plot(written) == PAGES["compare.svg"].read_text(), "the plot is not of these figures"
    print("the page says what is best, where another does better, and what is missed")
