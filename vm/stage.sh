# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/stage.sh: gathers files of the build machine into a folder laid out as a guest's root, and
# packs such a folder as a cpio archive. Sourced by vm/guest (the base image) and vm/run (what one
# run adds to it).
#
# The kernel unpacks several archives one after the other, each over what is there already. A
# folder entry named `lib` would replace the symlink `lib -> usr/lib` of the archive before it, so
# every staging folder begins with the same skeleton. An entry for a folder that is there changes
# its owner and mode, so the archives behind the first have none.

# A list of what the archives before have put there, a line TYPE/PATH each, as stage_list prints it.
stage_there=/dev/null

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

# A library that the guest has is not put over it: Debian's there go together as they are.
stage_library() # ROOT PATH
{
	local name

	name=$(realpath "$(dirname "$2")")/$(basename "$2")
	grep -qxF -e "f$name" -e "l$name" "$stage_there" || stage_at_own_path "$1" "$2"
}

# The shared libraries a dynamic program names, their own included, and the loader; then those
# that libc opens by name while the program runs: name service and thread cancellation.
stage_needs() # PROGRAM
{
	local library named

	# ldd refuses a static program, which needs none.
	{ ldd "$1" 2>/dev/null || true; } |
		sed -n 's/.*=> \(\/.*\) (0x.*/\1/p; s/^[[:space:]]*\(\/.*\) (0x.*/\1/p' |
		while IFS= read -r library; do
			echo "$library"
			[ "${library##*/}" = libc.so.6 ] || continue
			for named in libnss_{files,dns}.so.2 libresolv.so.2 libgcc_s.so.1; do
				named=$(dirname "$library")/$named
				[ ! -e "$named" ] || echo "$named"
			done
		done
}

stage_libraries() # ROOT PROGRAM
{
	local library

	stage_needs "$2" | while IFS= read -r library; do
		stage_library "$1" "$library"
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

stage_list() # ROOT
{
	find "$1" -mindepth 1 -printf '%y/%P\n'
}

# The memory that the files take, in KiB: whole pages.
stage_size() # ROOT
{
	find "$1" -type f -printf '%s\n' | awk '{ n += int(($1 + 4095) / 4096) } END { print n * 4 }'
}

# Prints the archive. Its bytes depend on the content alone. Not compressed: unpacking takes no less
# time under emulation (lz4 as long, zstd and gzip longer).
stage_pack() # ROOT [CPIO-OPTION]...
{
	local root=$1

	shift
	sed -n 's/^d/./p' "$stage_there" |
		(
			cd "$root"
			{
				find . -mindepth 1 ! -type d -print0
				find . -mindepth 1 -type d -print0 | grep -zvxFf /dev/fd/3 || true
			} | LC_ALL=C sort -z |
				cpio --null --create --format=newc --reproducible --quiet "$@"
		) 3<&0
}
