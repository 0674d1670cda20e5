# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/stage.sh: gathers files of the build machine into a folder laid out as a guest's root, and
# packs such a folder as a cpio archive. Sourced by vm/guest (the base image) and vm/run (what one
# run adds to it).
#
# The kernel unpacks several archives one after the other, each over what is there already. A
# folder entry named `lib` would replace the symlink `lib -> usr/lib` of the archive before it, so
# every staging folder begins with the same skeleton.

stage_skeleton() # ROOT
{
	local root=$1 folder

	for folder in bin sbin lib lib64; do
		mkdir -p "$root/usr/$folder"
		ln -s "usr/$folder" "$root/$folder"
	done
}

# Put a file or folder at an absolute path of the guest.
stage_copy() # ROOT SRC DEST
{
	local root=$1 src=$2 dest=$3

	mkdir -p "$root$(dirname "$dest")"
	# The slash and the dot merge a folder into one that is there already.
	if [ -d "$src" ]; then
		mkdir -p "$root$dest"
		cp -a "$src/." "$root$dest"
	else
		cp -aL --remove-destination "$src" "$root$dest"
	fi
}

# Put a file at its own path: its content under its real name, and a link from the name by which
# it was asked for. The names in between (/etc/alternatives) are left out.
stage_at_own_path() # ROOT PATH
{
	local root=$1 path=$2 real

	real=$(realpath "$path")
	[ -e "$root$real" ] || stage_copy "$root" "$real" "$real"
	[ -e "$root$path" ] && return
	mkdir -p "$root$(dirname "$path")"
	ln -s "$real" "$root$path"
}

# The shared libraries a dynamic program names, their own included, and the loader; then those
# that libc opens by name while the program runs: name service and thread cancellation.
stage_libraries() # ROOT PROGRAM
{
	local root=$1 program=$2 library libc named

	# ldd refuses a static program, which needs none.
	{ ldd "$program" 2>/dev/null || true; } |
		sed -n 's/.*=> \(\/.*\) (0x.*/\1/p; s/^[[:space:]]*\(\/.*\) (0x.*/\1/p' |
		while IFS= read -r library; do
			stage_at_own_path "$root" "$library"
			[ "${library##*/}" = libc.so.6 ] || continue
			libc=$(dirname "$library")
			for named in libnss_{files,dns}.so.2 libresolv.so.2 libgcc_s.so.1; do
				named=$libc/$named
				[ ! -e "$named" ] || stage_at_own_path "$root" "$named"
			done
		done
}

# A program found through PATH, or by its path, with all it needs to start. A script brings its
# interpreter, but not that interpreter's own modules.
stage_program() # ROOT NAME
{
	local root=$1 name=$2 path interpreter argument

	if ! path=$(type -P -- "$name") || [ ! -f "$path" ]; then
		echo "no program $name on this machine" >&2
		return 1
	fi
	path=$(realpath -s "$path")
	stage_at_own_path "$root" "$path"
	if [ "$(head -c 2 "$path" | tr '\0' ' ')" = '#!' ]; then
		read -r interpreter argument < <(head -n 1 "$path" | sed 's/^#! *//')
		stage_program "$root" "$interpreter" || return
		case $interpreter in
		*/env)	stage_program "$root" "${argument%% *}" || return ;;
		esac
	else
		stage_libraries "$root" "$path"
	fi
	[ "${path##*/}" != git ] || stage_git_parts "$root" "$path"
}

# git is many programs: clone and ls-remote start others from its own folder.
stage_git_parts() # ROOT GIT
{
	local root=$1 git=$2 folder part

	folder=$("$git" --exec-path)
	stage_copy "$root" "$folder" "$folder"
	for part in git-remote-http git-http-backend git-http-fetch; do
		[ ! -f "$folder/$part" ] || stage_libraries "$root" "$folder/$part"
	done
	folder=/usr/share/git-core/templates
	[ ! -d $folder ] || stage_copy "$root" $folder $folder
}

# All of it belongs to root in the guest, whoever built it, and the bytes depend on the content
# alone. Not compressed: unpacking under emulation costs more than copying.
stage_pack() # ROOT ARCHIVE
{
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$2"
}
