#!/bin/sh
# post-build.sh TARGET_DIR: leaves nothing in the root file system but what the handset needs (the same list as
# tools/mkimage/initramfs.go).
set -eu
target=$1
cd "$target"
find . -mindepth 1 -maxdepth 1 ! -name init ! -name etc -exec rm -rf {} +
mkdir -p data dev lib/sotto proc run sys
find etc -mindepth 1 -maxdepth 1 ! -name ssl -exec rm -rf {} +
ln -snf /run/link/resolver etc/resolv.conf
