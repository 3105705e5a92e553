#!/bin/bash
# measure.sh SOURCE TABLE: compares libopus of this system (in-band redundancy) with an unpacked source of libopus 1.5 or newer
# (concealment by a neural network; DRED), over lost packets, at the same bit rate. SOURCE is built when it is not yet.
# Needs gcc, make, libopus-dev and build/bench. Writes a Markdown table.
set -eu
source=${1:?usage: measure.sh SOURCE TABLE}
table=${2:?usage: measure.sh SOURCE TABLE}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ ! -f "$source/.libs/libopus.a" ]; then
	(cd "$source" && ./configure --disable-shared --enable-deep-plc --enable-dred --disable-doc --disable-extra-programs CFLAGS=-O2 && make) >"$work/log" 2>&1 ||
		{ tail -20 "$work/log" >&2; exit 2; }
fi
mkdir "$work/new" && ln -s "$(cd "$source" && pwd)/include" "$work/new/opus"
gcc -O2 -Wall -o "$work/old" "$here/lossy.c" -lopus -lm
gcc -O2 -Wall -I"$work/new" -o "$work/lossy15" "$here/lossy.c" "$source/.libs/libopus.a" -lm
for name in alice bob; do sox "$here/../../call/speech/$name.wav" -t raw -r 48000 -c 1 -e signed -b 16 "$work/$name.raw"; done
cat "$work/alice.raw" "$work/bob.raw" >"$work/in.raw"
sox -t raw -r 48000 -c 1 -e signed -b 16 "$work/in.raw" "$work/in.wav"
old=$(pkg-config --modversion opus)
new=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$source/package_version" 2>/dev/null || true)
{
	echo "| lost | $old concealment | $old in-band FEC | ${new:-newer} deep concealment | ${new:-newer} FEC, deep concealment | ${new:-newer} DRED |"
	echo "| --- | ---: | ---: | ---: | ---: | ---: |"
} >"$table"
bytes=
for path in "0 1" "5 1" "10 1" "20 1" "40 1" "5 5" "10 5" "20 5" "40 5"; do
	read -r percent run <<<"$path"
	row="| $percent %"
	[ "$run" = 1 ] || row+=", in runs of $run"
	for way in "old plc" "old fec" "lossy15 plc" "lossy15 fec" "lossy15 dred"; do
		read -r program mode <<<"$way"
		bytes+=$("$work/$program" "$mode" "$percent" "$run" <"$work/in.raw" 2>&1 >"$work/out.raw")" "
		sox -t raw -r 48000 -c 1 -e signed -b 16 "$work/out.raw" "$work/out.wav"
		row+=" | $("$here/../../../build/bench" stoi "$work/in.wav" "$work/out.wav" | sed 's/STOI mean \([0-9.]*\) .*/\1/')"
	done
	echo "$row |" | tee -a "$table"
done
echo "Octets of a payload: $(tr ' ' '\n' <<<"$bytes" | sed '/^$/d' | sort -nu | paste -sd ' ')" | tee -a "$table"
