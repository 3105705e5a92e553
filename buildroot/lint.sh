#!/bin/bash
# lint.sh: what can be said of the Buildroot tree without Buildroot: its files are there, every path that is named exists,
# every wish for the kernel is a fragment of board/kernel, every board has a configuration, scripts are clean.
set -euo pipefail
cd "$(dirname "$0")"
bad=0
complain() { echo "buildroot: $*" >&2; bad=1; }
for f in external.desc Config.in external.mk README.md; do [ -s $f ] || complain "$f is missing"; done
grep -qE '^name: [A-Za-z0-9_]+$' external.desc || complain "external.desc has no good name"
name=$(sed -n 's/^name: //p' external.desc)
for f in configs/*_defconfig Config.in external.mk package/*/*.mk; do
	for p in $(grep -oE "\\\$\(?BR2_EXTERNAL_${name}_PATH\)?/[A-Za-z0-9_./-]+" "$f" | sed -E 's/^[^/]*//'); do
		[ -e ".$p" ] || complain "$f names $p, which is not there"
	done
	if grep -qE '/(home|root|work|tmp)/' "$f"; then complain "$f names a folder of one machine"; fi
done
for b in ../board/*/config.txt; do
	b=$(basename "$(dirname "$b")")
	[ -s "configs/sotto_${b}_defconfig" ] || complain "board $b has no configuration"
done
for c in configs/*_defconfig; do
	for k in ../board/kernel/*.config; do grep -q "board/kernel/$(basename "$k")" "$c" || complain "$c leaves out $(basename "$k")"; done
	for want in BR2_INIT_NONE=y BR2_REPRODUCIBLE=y BR2_DOWNLOAD_FORCE_CHECK_HASHES=y BR2_PACKAGE_SOTTO=y; do
		grep -qx "$want" "$c" || complain "$c lacks $want"
	done
	[ -z "$(sort "$c" | grep -v '^#' | cut -d= -f1 | uniq -d)" ] || complain "$c says something twice"
done
for p in package/*/; do
	n=$(basename "$p")
	[ -s "$p$n.mk" ] && [ -s "${p}Config.in" ] || complain "$p is not a package"
	grep -q "BR2_PACKAGE_$(tr a-z- A-Z_ <<<"$n")\$" "${p}Config.in" || complain "${p}Config.in does not declare $n"
	grep -q "package/$n/Config.in" Config.in || complain "Config.in does not source $n"
done
shellcheck -S warning lint.sh board/*/*.sh || bad=1
[ $bad = 0 ] && echo "buildroot: $(ls configs | wc -l) configurations, no complaint"
exit $bad
