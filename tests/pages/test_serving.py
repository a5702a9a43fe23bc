"""Access to a running server, its open ports and its import paths, tested with real sockets and real users."""

import http.client
import json
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from browser import HANGS, ROOT, PageServer, start_server, wait_for
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from explorer.machine import free_port
from explorer.runs.store import RunStore
from explorer.scratch import PREFIX
from explorer.sweeps.launch import launch
from explorer.sweeps.study import Study, StudyStore
from explorer.sweeps.study_spec import StudySpec

NOBODY = 65534
WORKERS = min(2, os.cpu_count() or 1)
# asked by a signal, each Python process that a server consists of tells where it would import from
TELL = """
import json, os, signal, sys
def tell(*_):
    place = os.path.join(os.environ["TELL_INTO"], f"{os.getpid()}.json")
    with open(place + ".new", "w") as file:
        json.dump({"path": sys.path, "cwd": os.getcwd(), "arguments": sys.orig_argv}, file)
    os.replace(place + ".new", place)  # whoever reads it never sees a part
signal.signal(signal.SIGUSR1, tell)
"""
LONG_SWEEP = {
    "name": "long",
    "sampler": "grid",
    "trials": 2,
    "epochs": 10_000,
    "settings": {"dataset": "digits", "depth": 1, "width": 16, "patience": 10_000},
    "space": {"learning_rate": [1e-5, 2e-5]},
}


@dataclass
class Started:
    """A server started as in the README, from a folder and with a temporary folder that every user can write to."""

    page: PageServer
    shared: Path
    told: Path
    driver: psutil.Process | None = None

    @property
    def process(self) -> subprocess.Popen:
        return self.page.process

    @property
    def port(self) -> int:
        return self.page.port

    def processes(self) -> list[psutil.Process]:
        roots = [psutil.Process(self.process.pid), *([self.driver] if self.driver else [])]
        return [process for root in roots for process in (root, *root.children(recursive=True))]

    def private_folders(self) -> list[Path]:
        return sorted(self.shared.glob("explorer-scratch-*"))


@contextmanager
def started(folder: Path, *options: str, **environment: str):
    """The command that starts the page, in folders that hold modules planted by another user."""
    shared, told = folder / "shared", folder / "told"
    for new in (shared, told):
        new.mkdir()
    lie_in_wait(shared)
    (folder / "sitecustomize.py").write_text(TELL)
    here = {"TMPDIR": str(shared), "PYTHONPATH": str(folder), "TELL_INTO": str(told), "PYTHONSAFEPATH": None}
    with (folder / "said").open("wb") as said:
        page = start_server(
            folder / "runs",
            *options,
            script=ROOT / "streamlit_app.py",
            streamlit=[Path(sysconfig.get_path("scripts")) / "streamlit"],
            folder=shared,
            stderr=said,
            **{"EXPLORER_WORKERS": str(WORKERS), **here, **environment},
        )
    try:
        wait_for(page.answers)
        yield Started(page, shared, told)
    finally:
        page.end(HANGS)


def lie_in_wait(shared: Path) -> None:
    """Fills folders with known names with modules with common names, as another user could beforehand."""
    shared.chmod(0o1777)
    scratch = shared / "dask-scratch-space"
    for place in (shared, scratch):
        place.mkdir(exist_ok=True)
        for name in ("multiprocessing", "explorer", "h5py", "optuna", "tensorflow"):
            (place / f"{name}.py").write_text(f"open({str(shared / 'caught')!r}, 'a').write({name!r} + chr(10))\n")
    scratch.chmod(0o777)


def answer(port: int, path: str, host: str | None, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """The status and text of the response to a request with a host name; status 0 if nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({} if host is None else {"Host": host}).items() | headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        got = connection.getresponse()
        return got.status, got.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def handshake(port: int, host: str, origin: str | None) -> int:
    """The status of a WebSocket handshake: 101 if it is accepted."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        try:
            with connect(f"ws://{host}/_stcore/stream", sock=sock, origin=origin, open_timeout=HANGS):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code


@contextmanager
def visit(server: Started, path: str = ""):
    """Opens a session as a browser does: the handshake, then the first drawing of a page."""
    host = f"localhost:{server.port}"
    with connect(f"ws://{host}/_stcore/stream", origin=f"http://{host}", subprotocols=["streamlit"]) as web:
        web.send(BackMsg(rerun_script=ClientState(page_name=path)).SerializeToString())
        assert web.recv(HANGS)
        yield web


@contextmanager
def reachable_folder():
    """A folder that every user can read, unlike pytest's and unlike this process's private one."""
    shared = Path(tempfile.gettempdir())
    while shared.name.startswith(PREFIX):
        shared = shared.parent
    with tempfile.TemporaryDirectory(prefix="served-", dir=shared) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def server():
    """A running server with its workers, its task process and the driver of a sweep."""
    with reachable_folder() as folder, started(folder) as running:
        sweep = StudyStore(RunStore(folder / "runs")).create(StudySpec.from_dict(LONG_SWEEP))
        try:
            with visit(running), visit(running, "evaluate"):
                drive(running, sweep)
                wait_for(lambda: len(warm(running)) >= WORKERS + 2)
                wait_for(lambda: ports(running)["forks"][TLS] >= WORKERS + 1)  # each worker listens
                yield running
        finally:
            if running.driver:
                end(running.driver)


def drive(server: Started, study: Study) -> None:
    """Starts a sweep as the page does: from a process whose parent is the server, with the server's environment."""
    names = ("TMPDIR", "PYTHONPATH", "PYTHONSAFEPATH", "TELL_INTO")
    # the environment that the server has made for its children, as its first child has it
    child = wait_for(lambda: psutil.Process(server.process.pid).children())[0]
    theirs = child.environ()
    mine = {name: os.environ.get(name) for name in names}
    try:
        os.environ.update({name: theirs[name] for name in names if name in theirs})
        with chdir(server.shared):
            launch(study, RunStore(study.path.parents[1]), 1)
    finally:
        for name, value in mine.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    server.driver = psutil.Process(study.status().process["pid"])


def end(process: psutil.Process) -> None:
    """Ends a process and all its children."""
    for one in [*process.children(recursive=True), process]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(HANGS)


def warm(server: Started) -> list[psutil.Process]:
    """The processes that have TensorFlow's library mapped, other than the ones that fork."""
    found = []
    for process in server.processes():
        with suppress(psutil.Error):
            libraries = any("tensorflow" in mapped.path for mapped in process.memory_maps())
            if libraries and not any(child.is_running() for child in process.children()):
                found.append(process)
    return found


# --- names and origins ------------------------------------------------------------------------------------

OWN = ("localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}", "localhost")
FOREIGN = (
    "evil.example:{port}",
    "evil.example",
    "localhost.evil.example:{port}",
    "localhost@evil.example:{port}",
    "evil.example/localhost",
    "127.0.0.1.evil.example",
    "0.0.0.0:{port}",
    "",
    None,
)
PATHS = ("/", "/evaluate", "/_stcore/health", "/_stcore/host-config", "/media/x.png", "/_stcore/upload_file/a/b")


@pytest.mark.parametrize("host", FOREIGN)
def test_no_path_answers_under_a_foreign_name(server, host):
    host = host and host.format(port=server.port)
    for path in (*PATHS, script_of_the_page(server)):
        status, text = answer(server.port, path, host)
        assert 400 <= status < 500, path
        assert b"--server.allowedHosts" in text or status == 400, path  # 400 is uvicorn's own, for no host at all


@pytest.mark.parametrize("host", OWN)
def test_every_path_answers_under_an_own_name(server, host):
    host = host.format(port=server.port)
    for path in ("/", "/evaluate", "/_stcore/health", "/_stcore/host-config", script_of_the_page(server)):
        assert answer(server.port, path, host)[0] == 200, path
    assert answer(server.port, "/media/x.png", host)[0] == 404  # asked for, and not there


def script_of_the_page(server: Started) -> str:
    """The path of a static file that the page refers to."""
    _, text = answer(server.port, "/", f"localhost:{server.port}")
    return "/" + re.search(r'src="\./(static/js/[^"]+)"', text.decode())[1]


def test_a_host_named_twice_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d", sock.recv(64))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:{port}", "http://evil.example:{port}"),  # DNS rebinding: the same origin for the browser
        ("evil.example:{port}", None),
        ("localhost:{port}", "http://evil.example"),
        ("localhost:{port}", "http://evil.example:{port}"),
        ("localhost:{port}", "http://localhost:9999"),  # another program of this machine
        ("localhost:{port}", "http://localhost"),
        ("localhost:{port}", "http://127.0.0.1:9999"),
        ("localhost:{port}", "http://127.0.0.1:{port}"),  # a page of that name has a socket to that name
        ("127.0.0.1:{port}", "http://0.0.0.0:{port}"),
        ("localhost:{port}", "null"),  # a frame without an origin, or a file
        ("localhost:{port}", "file://localhost:{port}"),
        ("localhost:{port}", "http://localhost:{port}.evil.example"),
        ("localhost:{port}", "http://localhost:{port}@evil.example"),
    ],
)
def test_a_foreign_pages_websocket_is_refused_at_its_handshake(server, host, origin):
    origin = origin and origin.format(port=server.port)
    assert handshake(server.port, host.format(port=server.port), origin) == 403


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
@pytest.mark.parametrize("scheme", ["http", "https", None])
def test_the_servers_own_page_has_its_websocket(server, host, scheme):
    host = host.format(port=server.port)
    assert handshake(server.port, host, scheme and f"{scheme}://{host}") == 101


def test_uploads_are_taken_from_the_own_page_only(server):
    path, host = "/_stcore/upload_file/session/file", f"localhost:{server.port}"
    for method in ("PUT", "POST", "DELETE"):
        for origin in ("http://evil.example", "http://localhost:9999", "null"):
            status, text = answer(server.port, path, host, method, Origin=origin, **{"Content-Length": "0"})
            assert (status, b"--server.corsAllowedOrigins" in text) == (403, True)
        status, text = answer(server.port, path, host, method, Origin=f"http://{host}", **{"Content-Length": "0"})
        assert b"--server." not in text  # it is the upload's own check that such a session is unknown to


def test_who_serves_a_class_names_the_address(tmp_path):
    """Allowed by command-line options: a host name, and the origin of a proxy under another name."""
    names = ("--server.allowedHosts", "teacher.example", "--server.corsAllowedOrigins", "https://class.example")
    with started(tmp_path, *names, EXPLORER_WORKERS="1") as named:
        own = f"teacher.example:{named.port}"
        assert answer(named.port, "/", own)[0] == 200
        assert handshake(named.port, own, f"http://{own}") == 101
        assert handshake(named.port, own, "https://class.example") == 101
        assert handshake(named.port, own, "https://class.example:8443") == 403
        assert handshake(named.port, own, "https://evil.example") == 403
        assert handshake(named.port, f"evil.example:{named.port}", None) == 403


# --- what listens -----------------------------------------------------------------------------------------

# Every listening socket of a process, by what the process is: how many, and why. Any other fails the test. A user of
# the machine can reach each of them; the page answers, and Dask's ask for a certificate that this server alone has.
PAGE, TLS = "page", "tls"
LISTENERS = {
    "server": {
        PAGE: (1, "what the browser opens, at --server.port"),
        TLS: (1 + WORKERS, "Dask's scheduler, and what watches over each worker (the nanny)"),
    },
    "driver": {TLS: (2, "a sweep's own scheduler, and the nanny of its worker")},
    "forks": {TLS: (WORKERS + 1, "what each worker is handed work by, the server's and the driver's")},
    "others": {},  # first processes, which fork the others as a Unix socket asks for it; trackers of resources
}


def role(server: Started, process: psutil.Process) -> str:
    roots = {server.process.pid: "server", server.driver.pid: "driver"}
    return roots.get(process.pid) or ("others" if process.ppid() in roots else "forks")


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    found = process.net_connections(kind="inet")
    return sorted({(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN})


def ports(server: Started) -> dict[str, Counter]:
    """How many ports of each kind are open to this machine in the processes of each role."""
    found = {name: Counter() for name in LISTENERS}
    for process in server.processes():
        for ip, port in listening(process):
            assert ip in ("127.0.0.1", "::1"), (ip, port)
            found[role(server, process)][PAGE if port == server.port else TLS] += 1
    return found


def test_every_listening_port_is_known(server):
    found = ports(server)
    known = {name: {kind: number for kind, (number, _) in kinds.items()} for name, kinds in LISTENERS.items()}
    assert found == known


def test_no_port_but_the_page_answers_without_a_certificate(server):
    for process in server.processes():
        for ip, port in listening(process):
            if port != server.port:
                assert says(ip, port, b"GET /info/main/workers.html HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
                assert handed_over(ip, port) == b""


def test_a_scheduler_and_a_worker_that_joins_it_open_no_http_port(tmp_path):
    """The worker opens only its nanny's port and its own, on the interface that leads to the scheduler."""
    port, python = free_port(), sys.executable
    kept = {**os.environ, "TMPDIR": str(tmp_path)}
    scheduler = [python, "-m", "explorer", "scheduler", "--port", str(port)]
    joined = [python, "-m", "explorer", "worker", "--scheduler", f"tcp://127.0.0.1:{port}", "--workers", "1"]
    with subprocess.Popen(scheduler, env=kept, cwd=ROOT, stderr=subprocess.PIPE, text=True) as first:
        try:
            assert any(f"listening on tcp://127.0.0.1:{port}" in line for line in first.stderr)
            assert listening(psutil.Process(first.pid)) == [("127.0.0.1", port)]
            with subprocess.Popen(joined, env=kept, cwd=ROOT, stderr=subprocess.PIPE, text=True) as second:
                try:
                    assert any("1 worker process joined" in line for line in second.stderr)
                    root = psutil.Process(second.pid)
                    ports = [each for process in (root, *root.children(recursive=True)) for each in listening(process)]
                    assert [ip for ip, _ in ports] == ["127.0.0.1", "127.0.0.1"]
                finally:
                    second.terminate()
        finally:
            first.kill()


def says(ip: str, port: int, text: bytes) -> bytes:
    """What a port answers to the given bytes; nothing if it closes the connection."""
    with socket.create_connection((ip, port), timeout=HANGS) as sock, suppress(OSError):
        sock.sendall(text)
        return sock.recv(1000)
    return b""


def handed_over(ip: str, port: int) -> bytes:
    """What a port answers to a client that accepts any certificate and has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection((ip, port), timeout=HANGS)
    with suppress(OSError), raw, context.wrap_socket(raw) as sock:
        sock.sendall(bytes(64))  # TLS 1.3 ends the handshake before the other side has looked for a certificate
        return sock.recv(1000)
    return b""


# --- import paths and temporary files ---------------------------------------------------------------------


def told(server: Started) -> dict[int, dict]:
    """The import path of each Python process, as the process reports it."""
    answers = {}
    for process in server.processes():
        with suppress(psutil.NoSuchProcess):
            if "resource_tracker import main" in " ".join(process.cmdline()):
                continue  # it takes no signals; what it imports it has imported, as `caught` shows
            file = server.told / f"{process.pid}.json"
            file.unlink(missing_ok=True)
            os.kill(process.pid, 10)  # SIGUSR1
            wait_for(file.exists)
            answers[process.pid] = json.loads(file.read_text())
    return answers


def test_no_process_imports_from_where_others_can_write(server):
    found = told(server)
    assert len(found) >= 2 + 2 * 2 + WORKERS  # server and driver, a first process each, and all the workers
    for answer_ in found.values():
        for entry in answer_["path"]:
            assert entry, f"the working folder is searched: {answer_}"
            assert not open_to_others(Path(entry)), (entry, answer_)
    assert not (server.shared / "caught").exists(), (server.shared / "caught").read_text()


def open_to_others(path: Path) -> bool:
    """Whether another user could write to a folder or replace it."""
    child = None
    for place in (path, *path.parents):
        if place.exists():
            mode, owner = place.stat().st_mode, place.stat().st_uid
            writable = mode & stat.S_IWOTH
            if owner not in (0, os.getuid()) or (writable and (child is None or not mode & stat.S_ISVTX)):
                return True
            child = place
        elif child is None and place.parent.exists() and place.parent.stat().st_mode & stat.S_IWOTH:
            return True  # it is missing, and anybody may make it
    return False


def test_temporary_files_lie_in_private_folders(server):
    """The server and the driver, which may outlive it, have one each; nothing else is in the shared folder."""
    [*private] = server.private_folders()
    assert len(private) == 2
    for folder in private:
        found = folder.lstat()
        assert stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == os.getuid()
    beside = {path.name for path in server.shared.iterdir()} - {folder.name for folder in private}
    assert {name for name in beside if not name.endswith(".py")} <= {"dask-scratch-space", "__pycache__"}
    assert [path for path in (server.shared / "dask-scratch-space").iterdir() if path.suffix != ".py"] == []


def test_sockets_that_have_a_path_lie_in_private_folders(server):
    for process in server.processes():
        for each in process.net_connections(kind="unix"):
            if each.laddr:
                assert any(Path(each.laddr).is_relative_to(folder) for folder in server.private_folders()), each


def test_private_folders_go_with_their_server_and_are_swept_after_a_kill(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    with started(first, EXPLORER_WORKERS="1") as killed, visit(killed):
        [left] = killed.private_folders()
        wait_for((left / "dask-scratch-space").exists)
        processes = killed.processes()
        killed.process.kill()
        psutil.wait_procs(processes, 60)
    assert left.exists()
    with started(second, EXPLORER_WORKERS="1", TMPDIR=str(killed.shared)):
        [new] = wait_for(lambda: [place for place in killed.private_folders() if place != left])
    assert not left.exists() and not new.exists()


# --- another user of the machine --------------------------------------------------------------------------


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_user_can_neither_hand_over_work_nor_write_nor_read_what_is_private(server):
    """Tried as the user nobody, on every port, import path, socket path and private folder."""
    ports = [(ip, port) for process in server.processes() for ip, port in listening(process) if port != server.port]
    entries = sorted({entry for said in told(server).values() for entry in said["path"]})
    sockets = sorted({each.laddr for p in server.processes() for each in p.net_connections("unix") if each.laddr})
    processes, folders = [process.pid for process in server.processes()], server.private_folders()
    assert as_nobody(lambda: [os.getuid(), *server.shared.iterdir()][0]) == NOBODY  # it can look into the shared one
    found = as_nobody(lambda: reached(ports, entries, sockets, folders, processes, server.told.parent / "runs"))
    assert found == [], found


def reached(ports, entries, sockets, folders, processes, runs) -> list[str]:
    """What the current user can reach of a server."""
    found = [f"port {port}" for ip, port in ports if handed_over(ip, port)]
    for entry in entries:
        try:
            (Path(entry) / "h5py.py").touch(exist_ok=False)
            found.append(f"import path {entry}")
        except OSError:
            pass
    for path in sockets:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            found.append(f"socket {path}")
    for folder in folders:
        with suppress(OSError):
            found.append(f"private folder {list(folder.iterdir())}")
        with suppress(OSError):
            folder.rename(folder.with_name("taken"))
            found.append(f"moved {folder}")
    for process in processes:
        for name in ("environ", "mem", "fd"):
            with suppress(OSError):
                place = Path("/proc") / str(process) / name
                found.append(f"{place}: {list(place.iterdir()) if name == 'fd' else place.open('rb').read(1)}")
    with suppress(OSError):
        (runs / "new").mkdir()
        found.append("a new folder among the runs")
    return found


def as_nobody(act):
    """What a function returns in a process of another user, passed as JSON."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            result = act()
        except BaseException as fault:
            result = [repr(fault)]
        os.write(write, json.dumps(result).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text)
