"""How each server of the comparison is found, started on loopback and ended."""

import contextlib
import glob
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "benches" / "compare"
SECRET = "for a comparison, and for nothing else"


class Skipped(Exception):
    """A server that is not there, with the reason."""


def debian(places, file):
    """The root of a tree that has this file: an unpacked one, or the system's own."""
    for root in (places / "root", pathlib.Path("/")):
        if (root / file).exists():
            return root
    raise Skipped(f"no /{file}: scripts/compare get unpacks Debian's packages")


def debian_version(root, package):
    changes = root / f"usr/share/doc/{package}/changelog.Debian.gz"
    with contextlib.suppress(OSError), gzip.open(changes, "rt") as text:
        return re.search(r"\(([^)]*)\)", text.readline())[1].partition("-")[0]
    return "of unknown version"


def npm():
    if not (HERE / "node_modules/socket.io/package.json").exists():
        raise Skipped("npm has not been run in benches/compare: scripts/compare get does")


class Adsum:
    name, client = "adsum-server", "adsum"
    note = "adsum.v1, tokens; no rates of publishing and of requests"
    settings = {}

    def __init__(self, places):
        self.binary = pathlib.Path(os.environ.get("COMPARE_ADSUM",
                                                  ROOT / "target/release/adsum-server"))
        if not self.binary.exists():
            raise Skipped("cargo build --release -p adsum-server has not been run")
        words = [self.binary, "--version"]
        self.version = subprocess.run(words, check=True, text=True,
                                      stdout=subprocess.PIPE).stdout.split()[-1]

    def command(self, place, port):
        config = {"client_listen": f"127.0.0.1:{port}", "store": "jwt", "publish_burst": 0,
                  "security": {"reqhzsecond": 0}, "log": "error", **self.settings}
        (place / "config.json").write_text(json.dumps(config))
        return [self.binary, "--config", place / "config.json"], {"ADSUM_JWT_SECRET": SECRET}


class SocketIo:
    name, client = "socket.io", "socketio"
    note = "a server of forty lines, as its guide has one; WebSocket only"

    def __init__(self, places):
        npm()
        with open(HERE / "node_modules/socket.io/package.json") as file:
            self.version = json.load(file)["version"]

    def command(self, place, port):
        return ["node", HERE / "servers/socketio.js"], {"NODE_ENV": "production"}


class Sockudo:
    name, client = "sockudo", "pusher"
    note = ("presence channels and events of clients, the local adapter; no rates. As by default, "
            "1,000 messages may wait for a connection")

    def __init__(self, places):
        found = shutil.which("sockudo") or places / "sockudo/bin/sockudo"
        if not pathlib.Path(found).exists():
            raise Skipped("no sockudo: scripts/compare get builds it, in some twenty minutes")
        self.binary = found
        with contextlib.suppress(OSError, KeyError, ValueError):
            with open(places / "sockudo/.crates2.json") as file:
                self.version = next(iter(json.load(file)["installs"])).split()[1]
                return
        self.version = "of unknown version"

    def command(self, place, port):
        app = {"ID": "compare", "KEY": "compare", "SECRET": SECRET, "MAX_CONNECTIONS": 100_000,
               "MAX_CLIENT_EVENTS_PER_SECOND": 1_000_000,
               "MAX_PRESENCE_MEMBERS_PER_CHANNEL": 10_000}
        settings = {f"SOCKUDO_DEFAULT_APP_{key}": str(value) for key, value in app.items()}
        return [self.binary], settings | {
            "HOST": "127.0.0.1", "METRICS_ENABLED": "false", "RATE_LIMITER_ENABLED": "false",
            "SOCKUDO_ENABLE_CLIENT_MESSAGES": "true", "RUST_LOG": "error", "DEBUG_MODE": "false"}


class Centrifuge:
    name, client = "Centrifuge (library)", "centrifuge"
    note = ("Debian's, of 2021; a server of fifty lines, channels with presence, join and leave. "
            "The publisher is told too")

    def __init__(self, places):
        self.binary = places / "centrifuge-server"
        if not self.binary.exists():
            raise Skipped("servers/centrifuge.go is not built: scripts/compare get does")
        root = debian(places, "usr/share/gocode/src/github.com/centrifugal/centrifuge/node.go")
        package = "golang-github-centrifugal-centrifuge-dev"
        self.version = debian_version(root, package).partition("+")[0]

    def command(self, place, port):
        return [self.binary], {}


class Prosody:
    name, client = "Prosody", "xmpp"
    note = "Debian's, epoll, accounts in files; XMPP over bare TCP"

    def __init__(self, places):
        self.root = debian(places, "usr/lib/prosody/core/moduleapi.lua")
        self.version = debian_version(self.root, "prosody")

    def command(self, place, port):
        # Debian's program has its places written into it.
        program = (self.root / "usr/bin/prosody").read_text()
        program = re.sub(r"(CFG_(?:SOURCE|PLUGIN)DIR=')", rf"\g<1>{self.root}", program)
        (place / "prosody").write_text(program.replace("/var/lib/prosody", str(place)))
        share, libraries = self.root / "usr/share/lua/5.4", self.root / "usr/lib/x86_64-linux-gnu"
        settings = {"LD_LIBRARY_PATH": libraries, "LUA_PATH": f"{share}/?.lua;;",
                    "LUA_CPATH": f"{libraries}/lua/5.4/?.so;;"}
        words = [self.root / "usr/bin/lua5.4", place / "prosody", "-F", "--config",
                 HERE / "servers/prosody.cfg.lua"]
        return words, settings


class Ejabberd:
    name, client = "ejabberd", "xmpp"
    note = "Debian's, accounts in Mnesia; XMPP over bare TCP"

    def __init__(self, places):
        self.root = debian(places, "usr/sbin/ejabberdctl")
        self.version = debian_version(self.root, "ejabberd")

    def command(self, place, port):
        text = (HERE / "servers/ejabberd.yml").read_text()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        (place / "ejabberd.yml").write_text("\n".join(lines).replace("COMPARE_PORT", str(port)))
        erlang = self.root / "usr/lib/erlang"
        bin_ = sorted(glob.glob(f"{erlang}/erts-*/bin"))[-1]
        code = sorted(glob.glob(f"{self.root}/usr/lib/*/ejabberd-*/ebin"))[-1]
        settings = {"ROOTDIR": erlang, "BINDIR": bin_, "EMU": "beam", "PROGNAME": "erl",
                    "LD_LIBRARY_PATH": self.root / "usr/lib/x86_64-linux-gnu", "HOME": place,
                    "EJABBERD_CONFIG_PATH": place / "ejabberd.yml",
                    "EJABBERD_LOG_PATH": place / "ejabberd.log"}
        # As Debian's ejabberdctl starts it; without a name, so that no epmd is started.
        words = [f"{bin_}/erlexec", "-noinput", "+K", "true", "-smp", "auto", "+P", "250000",
                 "-pa", code, "-mnesia", "dir", f'"{place}/mnesia"', "-s", "ejabberd"]
        return words, settings


SERVERS = [Adsum, Sockudo, SocketIo, Centrifuge, Prosody, Ejabberd]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(server):
    """Starts a server in a folder of its own; gives its port and its process."""
    with tempfile.TemporaryDirectory(prefix="adsum-compare-") as folder:
        place, port = pathlib.Path(folder), free_port()
        words, settings = server.command(place, port)
        given = {"COMPARE_PORT": port, "COMPARE_PLACE": place, "PORT": port}
        settings = {key: str(value) for key, value in {**given, **settings}.items()}
        with open(place / "out", "w") as out:
            process = subprocess.Popen([str(word) for word in words], cwd=place, stdout=out,
                                       stderr=out, env={**os.environ, **settings},
                                       start_new_session=True)
        try:
            wait(process, port, place / "out")
            yield port, process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(process, port, out, limit_s=60):
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"a server has not come up:\n{out.read_text()[-2_000:]}")


def drive(server, what, port, pid, is_quick):
    """Runs the driver against a server, and returns its figures."""
    words = ["node", HERE / "driver.js", what, server.client, str(port), str(pid)]
    settings = {"COMPARE_SECRET": SECRET, "COMPARE_QUICK": "1" if is_quick else "0"}
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **settings}, timeout=300)
    if done.returncode:
        raise RuntimeError(f"the driver failed:\n{done.stderr[-1_500:]}")
    return json.loads(done.stdout)
