#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: ./install.sh [--prefix FOLDER]
# Copies the program, its systemd unit and its documents below FOLDER, which is /usr/local if not given. The same command
# with a newer archive upgrades it. Services that run are not restarted.
set -eu

prefix=/usr/local
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -ge 2 ] || { echo 'install.sh: --prefix needs a folder' >&2; exit 2; }
            prefix=$2
            shift
            ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        -h | --help)
            sed -n '3,5s/^# //p' "$0"
            exit 0
            ;;
        *)
            echo "install.sh: unknown argument: $1" >&2
            exit 2
            ;;
    esac
    shift
done
case $prefix in
    *[!A-Za-z0-9/._-]* | [!/]* | '')
        echo "install.sh: --prefix needs a path of letters, digits and ._- that begins with /, and this is $prefix" >&2
        exit 2
        ;;
esac

cd "$(dirname "$0")"
umask 022
find bin lib share -type f | while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname "$file")"
    # Under another name first: a program that runs cannot be written to, and keeps its file until it ends.
    cp "$file" "$prefix/$file.new"
    case $file in
        *.service) sed "s|^ExecStart=/usr/bin/|ExecStart=$prefix/bin/|" "$file" >"$prefix/$file.new" ;;
    esac
    mv "$prefix/$file.new" "$prefix/$file"
done
echo "installed $prefix/bin/scaler-oci-hpc"
