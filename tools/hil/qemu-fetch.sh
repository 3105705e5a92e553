#!/bin/sh
# qemu-fetch.sh: QEMU 10 of Debian trixie in build/cache/qemu, run by its own loader through build/cache/qemu-run; the
# system's libraries and packages stay as they are. Bookworm's QEMU 7.2 emulates neither the Pi's I2C nor virtio-sound.
set -eu
cache=$PWD/build/cache
tools/sysroot/debs.sh --with-depends trixie amd64 "$cache/qemu" qemu-system-arm libpulse0
# The PulseAudio module lies in the package of the windows; the rest of that package and its 160 libraries are not needed.
tools/sysroot/debs.sh trixie amd64 "$cache/qemu-pulse" qemu-system-gui
cp "$cache/qemu-pulse/usr/lib/x86_64-linux-gnu/qemu/audio-pa.so" "$cache/qemu/usr/lib/x86_64-linux-gnu/qemu/"
cat >"$cache/qemu-run.new" <<X
#!/bin/sh
# qemu-run PROGRAM ARGUMENT...
root=$cache/qemu lib=$cache/qemu/usr/lib/x86_64-linux-gnu program=\$1
shift
export QEMU_MODULE_DIR=\$lib/qemu
exec "\$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "\$lib:\$lib/pulseaudio" --argv0 "\$program" \\
	"\$root/usr/bin/\$program" -L "\$root/usr/share/qemu" "\$@"
X
chmod +x "$cache/qemu-run.new"
mv "$cache/qemu-run.new" "$cache/qemu-run"
