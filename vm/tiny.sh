# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/tiny.sh: the tiny guest's base image, with busybox and bash of this machine. Sourced by
# vm/guest, which brings stage.sh, fail(), $work and $vm.
#
# Debian packages: bash, busybox-static, libc-bin, sed.

# What goes into it, besides the scripts of vm/guest.
tiny_inputs()
{
	local busybox bash

	busybox=$(tiny_busybox)
	bash=$(type -P bash)
	cat "$vm/tiny.sh" "$busybox" "$bash"
	stage_needs "$bash" | xargs cat
}

tiny_busybox()
{
	local busybox

	busybox=$(PATH=$PATH:/bin:/sbin type -P busybox) ||
		fail "no busybox: install the package busybox-static"
	! ldd "$busybox" >/dev/null 2>&1 ||
		fail "$busybox is not static: install the package busybox-static"
	echo "$busybox"
}

tiny_etc() # ROOT
{
	local etc=$1/etc

	mkdir -p "$etc"
	echo 'root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
deploy:x:1000:1000:deploy:/home/deploy:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >"$etc/passwd"
	echo 'root:x:0:
daemon:x:1:
tty:x:5:
deploy:x:1000:
nogroup:x:65534:' >"$etc/group"
	echo '127.0.0.1 localhost guest
::1 localhost ip6-localhost' >"$etc/hosts"
	echo guest >"$etc/hostname"
	echo 'passwd: files
group: files
hosts: files dns' >"$etc/nsswitch.conf"
	# Debian guests name the release; programs read it.
	echo 'NAME="ringfence tiny guest"
ID=ringfence-tiny' >"$etc/os-release"
}

# Leaves the guest's root in ROOT.
tiny_build() # ROOT
{
	local root=$1 busybox applet

	busybox=$(tiny_busybox)
	stage_skeleton "$root"
	mkdir -p "$root"/{dev,proc,sys,run,mnt,root,work,tmp,var/tmp,var/log,home/deploy,etc}
	chmod 700 "$root/root"
	chmod 1777 "$root/tmp" "$root/var/tmp"
	ln -s ../run "$root/var/run"
	ln -s ../proc/self/mounts "$root/etc/mtab"
	stage_copy "$root" "$busybox" /usr/bin/busybox
	"$busybox" --list-full | while IFS= read -r applet; do
		case $applet in
		linuxrc | */busybox | */bash) ;;
		*)	ln -s /usr/bin/busybox "$root/$applet" ;;
		esac
	done
	stage_program "$root" "$(type -P bash)"
	tiny_etc "$root"
}
