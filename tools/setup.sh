#!/bin/sh
# Installs what building and testing hooke needs (Debian 12, Ubuntu 24.04), or prints the one line to type.
set -eu
PACKAGES="gcc make pkg-config libc6-dev libdnnl-dev libcurl4-openssl-dev libutf8proc-dev zlib1g-dev libzstd-dev libcmocka-dev ${HOOKE_SETUP_EXTRA:-}"
missing=""
for p in $PACKAGES; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "hooke: setup: missing packages and no apt-get; install the equivalents of:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"; else
        echo "hooke: setup: missing packages; type:  sudo apt-get install$missing" >&2
        exit 1
    fi
fi
echo "hooke: setup: installing$missing" >&2
$as_root apt-get update -qq >/dev/null 2>&1 || true
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
