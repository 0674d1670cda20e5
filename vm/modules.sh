# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/modules.sh: finds modules in a folder that `vm/kernel --modules` has printed, and puts them
# into a guest. Sourced by vm/kernel and vm/run, which bring fail().
#
# Debian packages: gawk or mawk, xz-utils.

# The files of a module and of those it depends on, in the order of loading: modules.dep names them
# the other way round. Prints nothing for what is built in; returns 1 where the kernel has neither.
module_files() # FOLDER NAME
{
	awk -v name="${2//-/_}" '
		function module(path) {
			gsub(/^.*\/|\.ko.*$/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		module($1) != name { next }
		{ found = 1 }
		FILENAME ~ /\.dep$/ {
			sub(/:$/, "", $1)
			for (i = NF; i > 0; i--)
				print $i
		}
		END { exit !found }' "$1/modules.builtin" "$1/modules.dep"
}

# Puts modules at their place in the guest, and a list of them for vm/command to load. They are
# unpacked, because not every insmod can do that; and there is no index beside them: in the debian
# guest systemd and the kernel would load by themselves whatever they find there.
stage_modules() # ROOT FOLDER NAME...
{
	local root=$1 folder=$2 name files file path

	shift 2
	mkdir -p "$root/etc"
	for name in "$@"; do
		files=$(module_files "$folder" "$name") ||
			fail "the kernel ${folder##*/} has no module $name"
		for file in $files; do
			path=/lib/modules/${folder##*/}/${file%.xz}
			[ ! -e "$root$path" ] || continue
			mkdir -p "$root$(dirname "$path")"
			xz -dc "$folder/$file" >"$root$path" || fail "cannot unpack $folder/$file"
			echo "$path" >>"$root/etc/vm-modules"
		done
	done
}
