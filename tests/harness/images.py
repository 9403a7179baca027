"""The images of the node tests: built once from this checkout, and kept in the user's cache.

No registry is asked. The base is a Debian made by debootstrap with Debian's own Python. On it
buildah builds the operator's image from the project's Dockerfile, and the application's from its
own, with the reader and nothing else of the project. Each is kept as one archive under a hash of
all that goes into it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.archive import write_image
from harness.packages import SYSTEM_PATH, Unavailable, codename, overlay_works, which

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "promptrelease"
APP = ROOT / "tests" / "node" / "app"
LOCKS = ROOT / "requirements"
# What .dockerignore lets in.
OPERATOR_SOURCES = (
    *("Dockerfile", "README.md", "LICENSE", "pyproject.toml"),
    *("requirements/build.txt", "requirements/image.txt"),
)

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

PAUSE = "localhost/promptrelease-pause:local"
BASE = "localhost/promptrelease-debian-python:local"
OPERATOR = "promptrelease:0.1.0"  # as the manifests name it
APPLICATION = "localhost/promptrelease-app:local"

KEPT_OF_A_KIND = 3
KEPT_SECONDS = 3600.0  # another process may be about to read what it has just found
BUILD_SECONDS = 1200.0
_SLIM = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "var/log")
_SLIM_CONTENTS = ("var/lib/apt/lists", "var/cache/apt", "var/cache/debconf")


class ImageError(RuntimeError):
    """An image could not be built; the message has the end of the builder's output."""


def archives() -> list[Path]:
    """Return the archives of pause, operator and application, building what is missing.

    Raises ImageError, and Unavailable where no base can be made.
    """
    base = debian()
    return [_pause(), _operator(base), _application(base)]


def _pause() -> Path:
    busybox = Path(which("busybox")).read_bytes()
    command = ["/busybox", "sleep", "inf"]

    def make(target: Path) -> None:
        write_image(target, PAUSE, {"busybox": busybox}, command)

    return cached("pause", [busybox, command], make)


def debian() -> Path:
    """Return the archive of the base that all others are built on.

    Raises ImageError, and Unavailable where none can be made.
    """
    release = codename()
    if not release:
        raise Unavailable("the images are made from Debian by debootstrap: this is no Debian")
    include = "python3-minimal,python3-pip,ca-certificates"

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            root = Path(folder) / "root"
            debootstrap = [which("debootstrap"), "--variant=minbase", f"--include={include}"]
            run([*debootstrap, release, str(root)])
            _slim(root)
            context = Path(folder) / "context"
            context.mkdir()
            run([which("tar"), "-C", str(root), "-cf", str(context / "base.tar"), "."])
            (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
            build(context, BASE, target)
            python = (root / "usr/bin/python3").readlink().name
            (target.parent / "python").write_text(python.removeprefix("python"))

    return cached("base", [release, platform.machine(), include, _SLIM, "1"], make)


def _slim(root: Path) -> None:
    for name in (*_SLIM, *_SLIM_CONTENTS):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True, exist_ok=True)


def _operator(base: Path) -> Path:
    files = [ROOT / name for name in OPERATOR_SOURCES]
    files += sorted(file for file in PACKAGE.rglob("*") if file.is_file() and _is_source(file))
    sources = {file: file.relative_to(ROOT) for file in files}

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            context = Path(folder)
            copy(sources, context)
            house = context / "wheelhouse"
            _own_wheel(context, house)
            _download(base, house, "--require-hashes", f"--requirement={LOCKS / 'image.txt'}")
            build(context, OPERATOR, target, base=(base, BASE))

    return cached("operator", [base.parent.name, *contents(sources)], make)


def _is_source(file: Path) -> bool:
    return file.suffix != ".pyc"


def wheels(project: Path, base: Path, house: Path, *wanted: str) -> None:
    """Fetch what a Dockerfile installs without an index: the tests' versions, by this pip.

    Args:
        project: a source tree of promptrelease, whole or only what a workload imports.
        base: whose Python they are for.
        house: the folder to fetch them into.
        wanted: more arguments for pip, such as requirements.

    """
    ours = _own_wheel(project, house)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        locked = (LOCKS / "dev.txt").read_text().splitlines()
        lines = (line.rstrip(" \\") for line in locked if "--hash" not in line)
        versions.write("\n".join(lines))
        versions.flush()
        _download(base, house, f"--constraint={versions.name}", str(ours), *wanted)


def _own_wheel(project: Path, house: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(house))
    run([*PIP, "wheel", *options, str(project)])
    shutil.rmtree(project / "build", ignore_errors=True)
    (ours,) = house.glob("promptrelease-*.whl")
    return ours


def _download(base: Path, house: Path, *wanted: str) -> None:
    python = (base.parent / "python").read_text()
    run(
        [
            *(*PIP, "download", "--only-binary=:all:", "--dest", str(house)),
            *("--implementation", "cp", "--python-version", python),
            *(f"--platform=manylinux_2_{n}_{platform.machine()}" for n in (28, 17)),
            *(f"--platform=manylinux2014_{platform.machine()}", *wanted),
        ]
    )


def _application(base: Path) -> Path:
    sources = {file: file.relative_to(PACKAGE.parent) for file in reader_files()}
    sources |= {file: file.relative_to(APP) for file in sorted(APP.iterdir()) if file.is_file()}

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            copy(sources, Path(folder))
            build(Path(folder), APPLICATION, target, base=(base, BASE))

    return cached("application", [base.parent.name, *contents(sources)], make)


def reader_files() -> list[Path]:
    """Return what a workload imports of promptrelease."""
    parts = (sorted((PACKAGE / part).glob("*.py")) for part in ("content", "reader"))
    return [PACKAGE / "__init__.py", *(file for files in parts for file in files)]


def copy(sources: Mapping[Path, Path], context: Path) -> None:
    """Copy files into a folder, each under the name that goes with it."""
    for source, name in sources.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, context / name)


def build(context: Path, name: str, target: Path, base: tuple[Path, str] | None = None) -> None:
    """Run a folder's Dockerfile with its own storage, and write the image as an archive."""
    with tempfile.TemporaryDirectory(dir=target.parent) as storage:
        driver = "overlay" if overlay_works(Path(storage)) else "vfs"
        buildah = [which("buildah"), f"--storage-driver={driver}"]
        buildah += [f"--root={storage}/root", f"--runroot={storage}/run"]
        arguments = []
        if base is not None:
            archive, base_name = base
            run([*buildah, "pull", "--quiet", f"docker-archive:{archive}"])
            arguments.append(f"--build-arg=BASE={base_name}")
        # No namespaces of its own: a build in a container or a small virtual machine works too.
        arguments += ["--isolation=chroot", "--network=host", "--format=docker"]
        arguments += ["--pull-never", f"--tag={name}", str(context)]
        run([*buildah, "build-using-dockerfile", *arguments])
        run([*buildah, "push", "--quiet", name, f"docker-archive:{target}:{name}"])


def run(command: Sequence[str]) -> None:
    """Run a builder. Raises ImageError with the end of its output when it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=BUILD_SECONDS,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:{SYSTEM_PATH}"},
    )
    if done.returncode != 0:
        raise ImageError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


def contents(sources: Mapping[Path, Path]) -> Iterator[bytes]:
    """Yield names and contents of files, as ingredients for ``cached``."""
    for file, name in sources.items():
        yield str(name).encode()
        yield file.read_bytes()


def cached(what: str, ingredients: Iterable[object], make: Callable[[Path], None]) -> Path:
    """Return the archive of an image, which ``make`` writes unless one is kept.

    Args:
        what: a word or two for people.
        ingredients: all that goes into it.
        make: is called with the file to write.

    """
    digest = hashlib.sha256(what.encode())
    for one in ingredients:
        data = one if isinstance(one, bytes) else str(one).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kind = what.replace(" ", "-")
    folder = cache / "promptrelease" / "images" / f"{kind}-{digest.hexdigest()[:16]}"
    archive = folder / "image.tar"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # what _remove_unused goes by
    if not archive.exists():
        with _locked(folder / "lock"):
            if not archive.exists():  # whoever held the lock before us has made it
                _make(what, archive, make)
        _remove_unused(folder)
    return archive


def _make(what: str, archive: Path, make: Callable[[Path], None]) -> None:
    print(f"node: building the image of the {what}", file=sys.stderr, flush=True)
    began = time.monotonic()
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)  # buildah adds to an archive that is there
    make(partial)
    partial.rename(archive)
    size = archive.stat().st_size / 1e6
    took = time.monotonic() - began
    print(f"node: {what}: {size:.0f} MB in {took:.0f} s", file=sys.stderr, flush=True)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove_unused(current: Path) -> None:
    """Each state of the sources makes an archive of 300 MB: keep the last few."""
    kind = current.name.rpartition("-")[0]
    found = [(folder.stat().st_mtime, folder) for folder in current.parent.glob(f"{kind}-*")]
    for used, folder in sorted(found, reverse=True)[KEPT_OF_A_KIND:]:
        if folder != current and time.time() - used > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
