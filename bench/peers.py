"""The servers that are measured as edges: Headwater's, Debian's nginx, HAProxy, Varnish and Traffic Server, tuned; and the floor.

Each is started afresh for a block, in a network namespace whose loopback uses cubic: a pacing congestion control (bbr) makes bulk
transfers over loopback several times dearer and hides what servers cost.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess

import measure

CONFIGS = pathlib.Path(__file__).parent / "peers"
PROTOCOLS = {"http1": "HTTP/1.1", "h2c": "HTTP/2 without TLS", "tls": "HTTP/1.1, TLS", "h2": "HTTP/2, TLS", "h3": "HTTP/3"}


@dataclasses.dataclass
class Server:
    """A running one: the URL of each protocol it has, and the processes whose cost is its own."""

    name: str
    urls: dict
    roots: list

    def pids(self):
        return [pid for root in self.roots for pid in measure.descendants(root)]

    def cpu_seconds(self):
        return sum(map(measure.cpu_seconds, self.pids()))


class Place:
    """A namespace, a folder, the origin that is the same for all."""

    def __init__(self, exit):
        self.folder = exit.enter_context(measure.work_folder())
        self.inside = exit.enter_context(namespace())
        key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=bench",
               "-addext", "subjectAltName=DNS:bench,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"]
        subprocess.run(key, check=True, stderr=subprocess.DEVNULL)
        (self.folder / "both.pem").write_bytes(b"".join((self.folder / f"{part}.pem").read_bytes() for part in ("cert", "key")))
        self.client = measure.binary("bench-client")
        self.origin = self.port()
        exit.enter_context(measure.running([*self.inside, self.client, "origin", self.at(self.origin)]))
        self.wait_for(self.origin)

    def port(self):
        # Free outside the namespace is free enough inside, where nothing else runs.
        self.last = getattr(self, "last", 20_000) + 1
        return self.last

    def at(self, port):
        return f"127.0.0.1:{port}"

    def wait_for(self, port):
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        answers = lambda: subprocess.run([*self.inside, "python3", "-c", probe], stderr=subprocess.DEVNULL).returncode == 0
        measure.wait_until(answers, f"something listens at port {port}", interval=0.1)

    def output(self, *words):
        """What a command in the namespace prints."""
        return subprocess.check_output([*map(str, self.inside), *map(str, words)], text=True)

    @contextlib.contextmanager
    def server(self, name):
        """Runs one of `SERVERS`, fresh."""
        folder = self.folder / f"{name}-{self.port()}"
        folder.mkdir()
        for file in ("cert.pem", "key.pem", "both.pem"):
            shutil.copy(self.folder / file, folder)
        ports = {word: self.port() for word in ("HTTP1", "H2C", "TLS")}
        values = {**ports, "FOLDER": folder, "ORIGIN": self.origin}
        with contextlib.ExitStack() as exit:
            run = lambda *words, **options: exit.enter_context(measure.running([*self.inside, *words], log=folder / "log", **options)).pid
            protocols, roots = SERVERS[name](self, folder, values, run)
            urls = {}
            for protocol in protocols:
                scheme, port = {"http1": ("http", "HTTP1"), "h2c": ("http", "H2C")}.get(protocol, ("https", "TLS"))
                urls[protocol] = f"{scheme}://{self.at(values[port])}"
                self.wait_for(values[port])
            yield Server(name, urls, roots)


def config(name, folder, values):
    text = (CONFIGS / name).read_text()
    for word, value in values.items():
        text = text.replace(f"@{word}@", str(value))
    path = folder / name
    path.write_text(text)
    return path


def floor(place, folder, values, run):
    return ["http1"], [run(place.client, "floor", place.at(values["HTTP1"]))]


def headwater(place, folder, values, run):
    edge = measure.need(measure.BINARIES / "examples" / "edge")
    tls = [place.at(values["TLS"]), folder / "cert.pem", folder / "key.pem"]
    pid = run(edge, place.at(values["HTTP1"]), f"http://127.0.0.1:{values['ORIGIN']}", "2", "1024", *tls, env={**os.environ, "TMPDIR": str(folder)})
    place.wait_for(values["HTTP1"])
    place.wait_for(values["TLS"])
    # HTTP/2 without TLS comes to the same port as HTTP/1.1.
    values["H2C"] = values["HTTP1"]
    spoken = lambda url: "1 succeeded" in place.output(measure.need("h2load"), "-n", "1", "-c", "1", url)
    h2c, h2 = (spoken(f"{scheme}://{place.at(values[port])}/hot/1") for scheme, port in (("http", "HTTP1"), ("https", "TLS")))
    return ["http1", "tls", *(["h2c"] if h2c else []), *(["h2"] if h2 else []), "h3"], [pid]


def nginx(place, folder, values, run):
    return ["http1", "h2c", "tls", "h2"], [run(measure.need("nginx"), "-c", config("nginx.conf", folder, values), "-p", folder)]


def haproxy(place, folder, values, run):
    return ["http1", "h2c", "tls", "h2"], [run(measure.need("haproxy"), "-f", config("haproxy.cfg", folder, values))]


def varnish(place, folder, values, run):
    vcl = config("varnish.vcl", folder, values)
    parameters = ["feature=+http2", "thread_pools=2", "thread_pool_min=100", "thread_pool_max=2500", "listen_depth=4096", "timeout_idle=75", "http_gzip_support=off"]
    words = [word for parameter in parameters for word in ("-p", parameter)]
    cache = run(measure.need("varnishd"), "-j", "none", "-F", "-n", folder / "varnish", "-f", vcl, "-a", f"h1={place.at(values['HTTP1'])},HTTP", "-s", "malloc,1g", "-T", "none", "-t", "3600", *words)
    place.wait_for(values["HTTP1"])
    tls = run(measure.need("haproxy"), "-f", config("haproxy-tls.cfg", folder, values))
    return ["http1", "tls", "h2"], [cache, tls]


def trafficserver(place, folder, values, run):
    # It looks for everything below one root.
    for sub in ("etc", "var/log", "var/run", "cache", "share"):
        (folder / sub).mkdir(parents=True)
    etc = folder / "etc"
    for file in pathlib.Path("/etc/trafficserver").iterdir():
        if file.is_file():
            shutil.copy(file, etc)
    shutil.copytree("/etc/trafficserver/body_factory", etc / "body_factory", dirs_exist_ok=True)
    config("trafficserver.config", etc, values).rename(etc / "records.config")
    (etc / "remap.config").write_text(f"map / http://127.0.0.1:{values['ORIGIN']}/\n")
    (etc / "storage.config").write_text(f"{folder}/cache 1G\n")
    (etc / "ssl_multicert.config").write_text("dest_ip=* ssl_cert_name=cert.pem ssl_key_name=key.pem\n")
    (folder / "runroot.yaml").write_text(
        f"prefix: {folder}\nexec_prefix: /usr\nbindir: /usr/bin\nsbindir: /usr/sbin\nsysconfdir: {etc}\ndatadir: {folder}/share\nincludedir: /usr/include\n"
        f"libdir: /usr/lib\nlibexecdir: /usr/lib/trafficserver/modules\nlocalstatedir: {folder}/var\nruntimedir: {folder}/var/run\nlogdir: {folder}/var/log\ncachedir: {folder}/cache\n")
    return ["http1", "tls", "h2"], [run(measure.need("traffic_server"), f"--run-root={folder}/runroot.yaml")]


SERVERS = {"floor": floor, "headwater": headwater, "nginx": nginx, "haproxy": haproxy, "varnish": varnish, "trafficserver": trafficserver}
selected = list(SERVERS)


def choose(names):
    """Measures only these from now on."""
    unknown = set(names) - set(SERVERS)
    if unknown:
        raise SystemExit(f"no server called {', '.join(sorted(unknown))}; there are: {', '.join(SERVERS)}")
    selected[:] = [name for name in SERVERS if name in names]


def chosen(floor=True):
    return [name for name in selected if floor or name != "floor"]


@contextlib.contextmanager
def namespace():
    """The words before a command that run it in a network namespace of this bench's own."""
    name = f"headwater-bench-{os.getpid()}"
    ip = measure.need("ip")
    if subprocess.run([ip, "netns", "add", name]).returncode != 0:
        raise SystemExit("the edge cases need a network namespace: run them as root")
    inside = [ip, "netns", "exec", name]
    try:
        subprocess.run([*inside, ip, "link", "set", "lo", "up"], check=True)
        # 127.0.0.1 has a route of its own, more specific than 127.0.0.0/8's: that is the one to change.
        route = "table local local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1 congctl cubic"
        subprocess.run([*inside, ip, "route", "replace", *route.split()], check=True)
        yield inside
    finally:
        subprocess.run([ip, "netns", "delete", name])
