"""Writes the lock file of the jars anew: after a version was raised, never on a user's machine."""

import hashlib
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import requests
from jgo.maven import Dependency, MavenContext

from shopnow_streams.errors import StackError
from shopnow_streams.stack.jars import LOCK, MAVEN_CENTRAL, TIMEOUT_S, Jar, jar_path

# what each class path is made for: group:artifact:version
ROOTS = {
    "kafka": (
        "org.apache.kafka:kafka_2.13:4.1.0",
        "org.apache.kafka:kafka-tools:4.1.0",
    ),
    "hdfs": (
        "org.apache.hadoop:hadoop-hdfs:3.4.2",
        "org.apache.hadoop:hadoop-common:3.4.2",
        "org.apache.hadoop:hadoop-hdfs-client:3.4.2",
    ),
}

# the way from their logging interface to their logging library, which the poms leave open. Not roots: jgo takes
# the versions that a root's pom recommends for all roots, and log4j's recommends the Kafka client of its tests, 3.8
ADDED = {
    "kafka": "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    "hdfs": "org.slf4j:slf4j-reload4j:1.7.36",
}

# what the poms bring and a broker, a NameNode and a DataNode never load: group:artifact, * for any
LEFT_OUT = {
    "kafka": (  # Kafka Connect with its web server, by way of kafka-tools
        "org.apache.kafka:connect-*",
        "org.eclipse.jetty*",
        "org.glassfish.*",
        "jakarta.*",
        "javax.*",
        "com.sun.activation:*",
        "com.fasterxml.jackson.jakarta.rs:*",
        "com.fasterxml.jackson.module:*",
        "io.github.classgraph:*",
        "io.swagger.*",
        "org.apache.maven:*",
        "org.codehaus.plexus:*",
        "org.javassist:*",
    ),
    "hdfs": (  # a library for tests, by way of Hadoop's Kerberos, and an empty jar
        "com.google.guava:listenablefuture",
        "org.mockito:*",
        "net.bytebuddy:*",
        "org.objenesis:*",
    ),
}


def write_lock() -> dict[str, tuple[Jar, ...]]:
    """Resolve ROOTS on Maven Central, fetch every jar once to know its checksum, and write the lock file.

    Blocks for a minute or two. Raises StackError where Maven Central's own checksum of a jar is another.
    """
    locked: dict[str, tuple[Jar, ...]] = {}
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        context = MavenContext(repo_cache=Path(folder), remote_repos={"central": MAVEN_CENTRAL})
        for name, roots in ROOTS.items():
            inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
            wanted = [
                f"{jar.groupId}:{jar.artifactId}:{jar.version}"
                for jar in (*inputs, *transitive)
                if _wanted(jar, LEFT_OUT[name])
            ]
            locked[name] = tuple(_jar(session, coordinate) for coordinate in (*wanted, ADDED[name]))
    LOCK.write_text(lock_text(locked))
    return locked


def lock_text(locked: dict[str, tuple[Jar, ...]]) -> str:
    """The lock file that `jars.parse_lock` reads, a jar a line."""
    lines = ["# Written by `python -m shopnow_streams.stack lock`."]
    for name, jars in locked.items():
        lines.append(f"\n{name} = [")
        lines.extend(
            f'    {{ coordinate = "{jar.coordinate}", size = {jar.size}, sha256 = "{jar.sha256}" }},' for jar in jars
        )
        lines.append("]")
    return "\n".join(lines) + "\n"


def _wanted(dependency: Dependency, left_out: tuple[str, ...]) -> bool:
    if dependency.scope not in (None, "compile", "runtime"):
        return False
    if dependency.type != "jar" or dependency.classifier:  # native code for one system each, none of it needed
        return False
    return not any(fnmatch(f"{dependency.groupId}:{dependency.artifactId}", pattern) for pattern in left_out)


def _jar(session: requests.Session, coordinate: str) -> Jar:
    url = f"{MAVEN_CENTRAL}/{jar_path(coordinate)}"
    try:
        body = session.get(url, timeout=TIMEOUT_S)
        body.raise_for_status()
        published = session.get(f"{url}.sha1", timeout=TIMEOUT_S)
        published.raise_for_status()
    except requests.RequestException as error:
        raise StackError(f"{url} could not be fetched ({error}); nothing was written.") from error
    if hashlib.sha1(body.content, usedforsecurity=False).hexdigest() != published.text.split()[0]:
        raise StackError(f"{url} is not the file whose SHA-1 Maven Central publishes beside it; nothing was written.")
    return Jar(coordinate, len(body.content), hashlib.sha256(body.content).hexdigest())
