#!/bin/bash
# hil.sh KERNEL [TEST [TIMEOUT]]: prepares images and emulator and runs the bench.
set -euo pipefail
kernel=${1:-own} test=${2:-.} limit=${3:-24m}
tools/setup/ensure.sh pulseaudio pulseaudio-utils mtools device-tree-compiler
tools/hil/qemu-fetch.sh
for board in qemuvirt rpi3; do tools/mkimage/image.sh $board "$kernel"; done
CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -buildvcs=false -ldflags '-s -w' -o build/spy-arm64 ./tools/hil/spy
go test -tags hil,nolibopusfile,netgo,osusergo -count=1 -timeout "$limit" -run "$test" -v ./tools/hil
